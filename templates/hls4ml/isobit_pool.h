// Maximum over windows that overlap in both axes or have gaps, channel by channel; hls4ml's own pools are the others.
//
// Config has IN_HEIGHT, IN_WIDTH, OUT_HEIGHT, OUT_WIDTH, CHANNELS, and of the window HEIGHT, WIDTH, STRIDE_Y, STRIDE_X,
// DILATION_Y, DILATION_X; one row where there is one axis. In io_stream the rows that a window spans, but for its last,
// are held in line memories: a position is read in every clock.
#ifndef ISOBIT_POOL_H_
#define ISOBIT_POOL_H_

#include "hls_stream.h"

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

template <class data_T, class res_T, typename CONFIG_T>
void max_pool(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    static_assert(int(data_T::size) == CONFIG_T::CHANNELS && data_T::size == res_T::size, "a pack is a position");
    static const int ROWS = (CONFIG_T::HEIGHT - 1) * CONFIG_T::DILATION_Y + 1;
    static const int COLUMNS = (CONFIG_T::WIDTH - 1) * CONFIG_T::DILATION_X + 1;
    static const int LINES = ROWS > 1 ? ROWS - 1 : 1; // one row needs no memory: what is kept of it is never read
    static const int LENGTH = CONFIG_T::IN_WIDTH;

    data_T window[ROWS][COLUMNS];
    #pragma HLS ARRAY_PARTITION variable=window complete dim=0
    data_T lines[LINES][LENGTH];
    #pragma HLS ARRAY_PARTITION variable=lines complete dim=1

    int rows = ROWS - 1; // still to come before the next row of windows is whole
Rows:
    for (int y = 0; y < CONFIG_T::IN_HEIGHT; y++) {
        int columns = COLUMNS - 1; // likewise of this row's next window
    Columns:
        for (int x = 0; x < LENGTH; x++) {
            #pragma HLS PIPELINE II=1
            #pragma HLS DEPENDENCE variable=lines type=inter direction=RAW distance=LENGTH dependent=true
            const data_T in = data.read();
            for (int row = 0; row < ROWS; row++) {
                #pragma HLS UNROLL
                for (int column = 0; column + 1 < COLUMNS; column++) {
                    #pragma HLS UNROLL
                    window[row][column] = window[row][column + 1];
                }
                if (row == ROWS - 1)
                    window[row][COLUMNS - 1] = in;
                else
                    window[row][COLUMNS - 1] = lines[row][x];
            }
            for (int line = 0; line + 1 < ROWS; line++) {
                #pragma HLS UNROLL
                lines[line][x] = window[line + 1][COLUMNS - 1];
            }
            if (rows == 0 && columns == 0) {
                res_T out;
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
                res.write(out);
            }
            columns = columns == 0 ? CONFIG_T::STRIDE_X - 1 : columns - 1;
        }
        rows = rows == 0 ? CONFIG_T::STRIDE_Y - 1 : rows - 1;
    }
}

} // namespace isobit

#endif
