// What isobit's own hls4ml layers share: an operation on single elements, carried over arrays (io_parallel) and
// over streams of packs (io_stream).
//
// Config has SIZE elements, ROWS rows of constants (1, or one per channel) and
//   static out_t apply(const X &x, int row)            for map,
//   static out_t apply(const X &x, const Y &y, int row)  for zip.
// In a stream a pack holds all channels of a position, so that the row is the lane's.
#ifndef ISOBIT_LAYERS_H_
#define ISOBIT_LAYERS_H_

#include "ap_int.h"
#include "hls_stream.h"

namespace isobit {

template <class data_T, class res_T, typename CONFIG_T> void map(data_T data[CONFIG_T::SIZE], res_T res[CONFIG_T::SIZE]) {
    #pragma HLS PIPELINE

    for (int i = 0; i < CONFIG_T::SIZE; i++) {
        #pragma HLS UNROLL
        res[i] = CONFIG_T::apply(data[i], i % CONFIG_T::ROWS);
    }
}

template <class data_T, class res_T, typename CONFIG_T>
void map(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    static_assert(data_T::size == res_T::size && data_T::size % CONFIG_T::ROWS == 0, "a pack holds all channels");

Positions:
    for (int i = 0; i < CONFIG_T::SIZE / int(data_T::size); i++) {
        #pragma HLS PIPELINE II=1
        const data_T in = data.read();
        res_T out;
    Lanes:
        for (int lane = 0; lane < int(data_T::size); lane++) {
            #pragma HLS UNROLL
            out[lane] = CONFIG_T::apply(in[lane], lane % CONFIG_T::ROWS);
        }
        res.write(out);
    }
}

template <class data1_T, class data2_T, class res_T, typename CONFIG_T>
void zip(data1_T data1[CONFIG_T::SIZE], data2_T data2[CONFIG_T::SIZE], res_T res[CONFIG_T::SIZE]) {
    #pragma HLS PIPELINE

    for (int i = 0; i < CONFIG_T::SIZE; i++) {
        #pragma HLS UNROLL
        res[i] = CONFIG_T::apply(data1[i], data2[i], i % CONFIG_T::ROWS);
    }
}

template <class data1_T, class data2_T, class res_T, typename CONFIG_T>
void zip(hls::stream<data1_T> &data1, hls::stream<data2_T> &data2, hls::stream<res_T> &res) {
    static_assert(data1_T::size == res_T::size && data2_T::size == res_T::size && res_T::size % CONFIG_T::ROWS == 0,
                  "a pack holds all channels");

Positions:
    for (int i = 0; i < CONFIG_T::SIZE / int(res_T::size); i++) {
        #pragma HLS PIPELINE II=1
        const data1_T a = data1.read();
        const data2_T b = data2.read();
        res_T out;
    Lanes:
        for (int lane = 0; lane < int(res_T::size); lane++) {
            #pragma HLS UNROLL
            out[lane] = CONFIG_T::apply(a[lane], b[lane], lane % CONFIG_T::ROWS);
        }
        res.write(out);
    }
}

} // namespace isobit

#endif
