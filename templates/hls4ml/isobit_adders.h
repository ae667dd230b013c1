// Products with constant weights as an adder graph: CONFIG::apply has a line for every sum.
//
// Fully parallel, a result in every clock; POSITIONS of them side by side in io_parallel, which has the windows of a
// convolution one behind the other. In io_stream there is one. Of a vector the inputs come in packs that divide them,
// and the outputs leave in one pack; of a map (adders_of_windows) a pack is a position.
#ifndef ISOBIT_ADDERS_H_
#define ISOBIT_ADDERS_H_

#include "ap_int.h"
#include "hls_stream.h"
#include "isobit_window.h"

namespace isobit {

template <class data_T, class res_T, typename CONFIG_T>
void adders(data_T data[CONFIG_T::POSITIONS * CONFIG_T::INPUTS], res_T res[CONFIG_T::POSITIONS * CONFIG_T::OUTPUTS]) {
    #pragma HLS PIPELINE

    for (int i = 0; i < CONFIG_T::POSITIONS; i++) {
        #pragma HLS UNROLL
        CONFIG_T::apply(data, i * CONFIG_T::INPUTS, res, i * CONFIG_T::OUTPUTS);
    }
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
    CONFIG_T::apply(x, 0, out.data, 0);
    res.write(out);
}

template <typename CONFIG_T> struct sums {
    template <class data_T, class res_T, int ROWS, int COLUMNS>
    static void make(const data_T (&window)[ROWS][COLUMNS], res_T &out) {
        #pragma HLS INLINE
        typename data_T::value_type x[CONFIG_T::INPUTS];
        #pragma HLS ARRAY_PARTITION variable=x complete
        for (int i = 0; i < CONFIG_T::INPUTS; i++) {
            #pragma HLS UNROLL
            const int tap = i / CONFIG_T::CHANNELS;
            x[i] = window[tap / CONFIG_T::WIDTH * CONFIG_T::DILATION_Y][tap % CONFIG_T::WIDTH * CONFIG_T::DILATION_X]
                         [i % CONFIG_T::CHANNELS];
        }
        CONFIG_T::apply(x, 0, out.data, 0);
    }
};

template <class data_T, class res_T, typename CONFIG_T>
void adders_of_windows(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    static_assert(int(data_T::size) == CONFIG_T::CHANNELS && int(res_T::size) == CONFIG_T::OUTPUTS,
                  "a pack is a position");
    windows<data_T, res_T, CONFIG_T, sums<CONFIG_T>>(data, res);
}

} // namespace isobit

#endif
