// Maximum over windows that overlap in both axes or have gaps, channel by channel; hls4ml's own pools are the others.
//
// Config has IN_HEIGHT, IN_WIDTH, OUT_HEIGHT, OUT_WIDTH, CHANNELS, and of the window HEIGHT, WIDTH, STRIDE_Y, STRIDE_X,
// DILATION_Y, DILATION_X; one row where there is one axis.
#ifndef ISOBIT_POOL_H_
#define ISOBIT_POOL_H_

#include "hls_stream.h"
#include "isobit_window.h"

namespace isobit {

template <class data_T, class res_T, typename CONFIG_T>
void max_pool(data_T data[CONFIG_T::IN_HEIGHT * CONFIG_T::IN_WIDTH * CONFIG_T::CHANNELS],
              res_T res[CONFIG_T::OUT_HEIGHT * CONFIG_T::OUT_WIDTH * CONFIG_T::CHANNELS]) {
    #pragma HLS PIPELINE

    for (int i = 0; i < CONFIG_T::OUT_HEIGHT * CONFIG_T::OUT_WIDTH * CONFIG_T::CHANNELS; i++) {
        #pragma HLS UNROLL
        const int channel = i % CONFIG_T::CHANNELS;
        const int top = i / CONFIG_T::CHANNELS / CONFIG_T::OUT_WIDTH * CONFIG_T::STRIDE_Y;
        const int left = i / CONFIG_T::CHANNELS % CONFIG_T::OUT_WIDTH * CONFIG_T::STRIDE_X;
        data_T best = data[(top * CONFIG_T::IN_WIDTH + left) * CONFIG_T::CHANNELS + channel];
        for (int tap = 1; tap < CONFIG_T::HEIGHT * CONFIG_T::WIDTH; tap++) {
            #pragma HLS UNROLL
            const int y = top + tap / CONFIG_T::WIDTH * CONFIG_T::DILATION_Y;
            const int x = left + tap % CONFIG_T::WIDTH * CONFIG_T::DILATION_X;
            const data_T other = data[(y * CONFIG_T::IN_WIDTH + x) * CONFIG_T::CHANNELS + channel];
            if (other > best)
                best = other;
        }
        res[i] = best;
    }
}

template <typename CONFIG_T> struct greatest {
    template <class data_T, class res_T, int ROWS, int COLUMNS>
    static void make(const data_T (&window)[ROWS][COLUMNS], res_T &out) {
        #pragma HLS INLINE
        for (int channel = 0; channel < CONFIG_T::CHANNELS; channel++) {
            #pragma HLS UNROLL
            typename data_T::value_type best = window[0][0][channel];
            for (int tap = 1; tap < CONFIG_T::HEIGHT * CONFIG_T::WIDTH; tap++) {
                #pragma HLS UNROLL
                const typename data_T::value_type other =
                    window[tap / CONFIG_T::WIDTH * CONFIG_T::DILATION_Y]
                          [tap % CONFIG_T::WIDTH * CONFIG_T::DILATION_X][channel];
                if (other > best)
                    best = other;
            }
            out[channel] = best;
        }
    }
};

template <class data_T, class res_T, typename CONFIG_T>
void max_pool(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    static_assert(int(data_T::size) == CONFIG_T::CHANNELS && data_T::size == res_T::size, "a pack is a position");
    windows<data_T, res_T, CONFIG_T, greatest<CONFIG_T>>(data, res);
}

} // namespace isobit

#endif
