// Movements of whole elements: res[i] = data[INDEX[i]], or fill() where INDEX[i] is negative.
//
// Transpose, slice, upsampling, broadcast, and padding with any value. Wiring in io_parallel; in io_stream a frame is
// held in a memory.
#ifndef ISOBIT_REORDER_H_
#define ISOBIT_REORDER_H_

#include "hls_stream.h"

namespace isobit {

template <class data_T, class res_T, typename CONFIG_T>
void reorder(data_T data[CONFIG_T::SIZE_IN], res_T res[CONFIG_T::SIZE]) {
    #pragma HLS PIPELINE

    for (int i = 0; i < CONFIG_T::SIZE; i++) {
        #pragma HLS UNROLL
        if (CONFIG_T::index[i] < 0)
            res[i] = CONFIG_T::fill();
        else
            res[i] = data[CONFIG_T::index[i]];
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void reorder(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    typename data_T::value_type frame[CONFIG_T::SIZE_IN];

Collect:
    for (int i = 0; i < CONFIG_T::SIZE_IN / int(data_T::size); i++) {
        #pragma HLS PIPELINE II=1
        const data_T in = data.read();
        for (int lane = 0; lane < int(data_T::size); lane++) {
            #pragma HLS UNROLL
            frame[i * int(data_T::size) + lane] = in[lane];
        }
    }

Emit:
    for (int i = 0; i < CONFIG_T::SIZE / int(res_T::size); i++) {
        #pragma HLS PIPELINE II=1
        res_T out;
        for (int lane = 0; lane < int(res_T::size); lane++) {
            #pragma HLS UNROLL
            const int from = CONFIG_T::index[i * int(res_T::size) + lane];
            if (from < 0)
                out[lane] = CONFIG_T::fill();
            else
                out[lane] = frame[from];
        }
        res.write(out);
    }
}

} // namespace isobit

#endif
