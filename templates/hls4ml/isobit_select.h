// The positions of the K largest of CHANNELS elements, largest first, of equal ones the first.
#ifndef ISOBIT_SELECT_H_
#define ISOBIT_SELECT_H_

#include "ap_int.h"
#include "hls_stream.h"

namespace isobit {

template <class data_T, class res_T, typename CONFIG_T>
void largest(const data_T data[CONFIG_T::CHANNELS], res_T res[CONFIG_T::K]) {
    #pragma HLS INLINE
    bool taken[CONFIG_T::CHANNELS];
    #pragma HLS ARRAY_PARTITION variable=taken complete
    for (int i = 0; i < CONFIG_T::CHANNELS; i++) {
        #pragma HLS UNROLL
        taken[i] = false;
    }
    for (int k = 0; k < CONFIG_T::K; k++) {
        #pragma HLS UNROLL
        int best = -1;
        for (int i = 0; i < CONFIG_T::CHANNELS; i++) {
            #pragma HLS UNROLL
            if (!taken[i] && (best < 0 || data[i] > data[best]))
                best = i;
        }
        taken[best] = true;
        res[k] = best;
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void select(data_T data[CONFIG_T::POSITIONS * CONFIG_T::CHANNELS], res_T res[CONFIG_T::POSITIONS * CONFIG_T::K]) {
    #pragma HLS PIPELINE

    for (int i = 0; i < CONFIG_T::POSITIONS; i++) {
        #pragma HLS UNROLL
        largest<data_T, res_T, CONFIG_T>(data + i * CONFIG_T::CHANNELS, res + i * CONFIG_T::K);
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void select(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    static_assert(int(data_T::size) == CONFIG_T::CHANNELS && int(res_T::size) == CONFIG_T::K, "a pack is a position");

Positions:
    for (int i = 0; i < CONFIG_T::POSITIONS; i++) {
        #pragma HLS PIPELINE II=1
        const data_T in = data.read();
        res_T out;
        largest<typename data_T::value_type, typename res_T::value_type, CONFIG_T>(in.data, out.data);
        res.write(out);
    }
}

} // namespace isobit

#endif
