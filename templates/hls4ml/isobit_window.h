// Windows over one or two axes in io_stream, a position read in every clock.
//
// Config has IN_HEIGHT, IN_WIDTH, and of the window HEIGHT, WIDTH, STRIDE_Y, STRIDE_X, DILATION_Y, DILATION_X; one row
// where there is one axis. The rows that a window spans, but for its last, are held in line memories. MAKER_T::make
// makes a pack of the result from the positions that a window spans.
#ifndef ISOBIT_WINDOW_H_
#define ISOBIT_WINDOW_H_

#include "hls_stream.h"

namespace isobit {

template <class data_T, class res_T, typename CONFIG_T, class MAKER_T>
void windows(hls::stream<data_T> &data, hls::stream<res_T> &res) {
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
                MAKER_T::make(window, out);
                res.write(out);
            }
            columns = columns == 0 ? CONFIG_T::STRIDE_X - 1 : columns - 1;
        }
        rows = rows == 0 ? CONFIG_T::STRIDE_Y - 1 : rows - 1;
    }
}

} // namespace isobit

#endif
