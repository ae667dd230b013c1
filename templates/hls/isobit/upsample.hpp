// Nearest upsampling: every pixel FACTOR_H times FACTOR_W times.
//
//   struct up1 {
//     static const int H = 8, W = 8, CHANNELS = 64, LANES = 8, FACTOR_H = 2, FACTOR_W = 2;
//     typedef ap_uint<4> elem_t;
//   };
//
// A word is a share of a pixel, or SAMPLES = LANES / CHANNELS whole ones, which divide W. One row is kept to be
// repeated; one word's pixels where rows are not.
// Schedule: II = 1, as many cycles as words leave, H * FACTOR_H * W * FACTOR_W * CHANNELS / LANES a frame, one in every
// cycle, the first in cycle 0; a word in in the cycles in which its first pixel leaves for the first time.
#ifndef ISOBIT_UPSAMPLE_HPP
#define ISOBIT_UPSAMPLE_HPP

#include "isobit/types.hpp"

namespace isobit {

template <class Cfg>
void upsample(hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> >& in,
              hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> >& out) {
  static_assert(whole_samples(Cfg::CHANNELS, Cfg::LANES), "a word is a share of a pixel, or whole ones");
  static_assert(Cfg::FACTOR_H >= 1 && Cfg::FACTOR_W >= 1, "factors count from one");
  static const int SAMPLES = max_of(Cfg::LANES / Cfg::CHANNELS, 1);
  static const int FOLDS = max_of(Cfg::CHANNELS / Cfg::LANES, 1);
  static const int PIXEL = min_of(Cfg::LANES, Cfg::CHANNELS);  // lanes
  static_assert(Cfg::W % SAMPLES == 0, "rows are whole words");
  static const int WIDTH = Cfg::W / SAMPLES;
  static const int KEPT = Cfg::FACTOR_H == 1 ? 1 : WIDTH;  // words, or FOLDS times as many

  // What is read from it is never written to it: II = 1, whatever the tool assumes about the addresses.
  typename Cfg::elem_t kept[KEPT * FOLDS][Cfg::LANES];
#pragma HLS ARRAY_RESHAPE variable=kept complete dim=2

  typename counter<FOLDS>::type fold = 0;
  typename counter<Cfg::FACTOR_W>::type copy_x = 0;
  typename counter<WIDTH>::type x = 0;
  typename counter<Cfg::FACTOR_H>::type copy_y = 0;
  typename counter<KEPT * FOLDS>::type address = 0;  // of the word
  for (int i = 0; i < Cfg::H * Cfg::FACTOR_H * WIDTH * Cfg::FACTOR_W * FOLDS; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
    lanes<typename Cfg::elem_t, Cfg::LANES> word;
    if (copy_y == 0 && copy_x == 0) {
      word = in.read();
      keep(word, kept[address]);
    } else {
      word = word_of(kept[address]);
    }
    lanes<typename Cfg::elem_t, Cfg::LANES> copies;
#pragma HLS ARRAY_PARTITION variable=copies.data complete
    for (int l = 0; l < Cfg::LANES; ++l) {
#pragma HLS UNROLL
      copies[l] = word[l / PIXEL / Cfg::FACTOR_W * PIXEL + l % PIXEL];
      for (int k = 1; k < Cfg::FACTOR_W; ++k) {
#pragma HLS UNROLL
        if (copy_x == k) copies[l] = word[(k * SAMPLES + l / PIXEL) / Cfg::FACTOR_W * PIXEL + l % PIXEL];
      }
    }
    out.write(copies);

    const bool pixel_ends = fold == FOLDS - 1;
    const bool copies_end = pixel_ends && copy_x == Cfg::FACTOR_W - 1;
    // The next copy begins at the pixel's first word again.
    address = pixel_ends && !copies_end ? typename counter<KEPT * FOLDS>::type(address - (FOLDS - 1))
                                        : successor(address, KEPT * FOLDS);
    fold = successor(fold, FOLDS);
    if (pixel_ends) copy_x = successor(copy_x, Cfg::FACTOR_W);
    if (copies_end && x == WIDTH - 1) copy_y = successor(copy_y, Cfg::FACTOR_H);
    if (copies_end) x = successor(x, WIDTH);
  }
}

}  // namespace isobit

#endif
