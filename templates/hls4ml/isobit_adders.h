// Products with constant weights as an adder graph: CONFIG::apply has a line for every sum.
//
// Fully parallel, a result in every clock. In io_stream the inputs come in packs that divide them, the outputs leave in
// one pack.
#ifndef ISOBIT_ADDERS_H_
#define ISOBIT_ADDERS_H_

#include "ap_int.h"
#include "hls_stream.h"

namespace isobit {

template <class data_T, class res_T, typename CONFIG_T>
void adders(data_T data[CONFIG_T::INPUTS], res_T res[CONFIG_T::OUTPUTS]) {
    #pragma HLS PIPELINE
    CONFIG_T::apply(data, res);
}

template <class data_T, class res_T, typename CONFIG_T>
void adders(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    static_assert(CONFIG_T::INPUTS % int(data_T::size) == 0 && int(res_T::size) == CONFIG_T::OUTPUTS,
                  "packs divide the inputs; the outputs are one");
    typename data_T::value_type x[CONFIG_T::INPUTS];
    #pragma HLS ARRAY_PARTITION variable=x complete

Packs:
    for (int i = 0; i < CONFIG_T::INPUTS / int(data_T::size); i++) {
        #pragma HLS PIPELINE II=1
        const data_T in = data.read();
        for (int lane = 0; lane < int(data_T::size); lane++) {
            #pragma HLS UNROLL
            x[i * int(data_T::size) + lane] = in[lane];
        }
    }
    res_T out;
    CONFIG_T::apply(x, out.data);
    res.write(out);
}

} // namespace isobit

#endif
