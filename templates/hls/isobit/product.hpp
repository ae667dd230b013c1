// Product of two streams, element by element: y = a * b.
//
//   struct gate1 {
//     static const int PE = 8, FOLDS = 64;
//     typedef ap_int<8> a_t;  typedef ap_uint<8> b_t;  typedef ap_int<16> out_t;
//   };
//
// out_t holds every product of what a and b can be.
// Schedule: II = 1, FOLDS words in from either side and out. Cost: PE multipliers.
#ifndef ISOBIT_PRODUCT_HPP
#define ISOBIT_PRODUCT_HPP

#include "isobit/types.hpp"

namespace isobit {

template <class Cfg>
void product(hls::stream<lanes<typename Cfg::a_t, Cfg::PE> >& in_a,
             hls::stream<lanes<typename Cfg::b_t, Cfg::PE> >& in_b,
             hls::stream<lanes<typename Cfg::out_t, Cfg::PE> >& out) {
  typedef typename working<product_width<typename Cfg::a_t, typename Cfg::b_t>::VALUE>::type product_t;
  for (int fold = 0; fold < Cfg::FOLDS; ++fold) {
#pragma HLS PIPELINE II=1 style=flp rewind
    const lanes<typename Cfg::a_t, Cfg::PE> a = in_a.read();
    const lanes<typename Cfg::b_t, Cfg::PE> b = in_b.read();
    lanes<typename Cfg::out_t, Cfg::PE> y;
#pragma HLS ARRAY_PARTITION variable=y.data complete
    for (int pe = 0; pe < Cfg::PE; ++pe) {
#pragma HLS UNROLL
      const product_t exact = product_of<product_t>(a[pe], b[pe]);
      ISOBIT_CHANNEL(pe);
      y[pe] = typename Cfg::out_t(exact);
    }
    out.write(y);
  }
}

// A map times a factor per channel that is computed at run time: y[p][c] = a[p][c] * b[c].
//
//   struct excite1 {
//     static const int CHANNELS = 64, PE = 8, FOLDS = 512;
//     typedef ap_uint<8> a_t;  typedef ap_uint<8> b_t;  typedef ap_uint<16> out_t;
//   };
//
// A word of a is a share of a pixel, or whole ones (per_channel.hpp). The factors are one pixel, in ROWS words of as many
// channels as a word of a has: they come with the words of the first pixel, and are kept for the others. Where they are
// made from the same map, its FIFO holds all that passes until the first factor is there.
// Schedule: II = 1, FOLDS words in from a and out, a word of b in each of the first ROWS cycles. Cost: PE multipliers.
template <class Cfg>
void channel_product(hls::stream<lanes<typename Cfg::a_t, Cfg::PE> >& in_a,
                     hls::stream<lanes<typename Cfg::b_t, min_of(Cfg::PE, Cfg::CHANNELS)> >& in_b,
                     hls::stream<lanes<typename Cfg::out_t, Cfg::PE> >& out) {
  static_assert(whole_samples(Cfg::CHANNELS, Cfg::PE), "a word is a share of a pixel, or whole ones");
  static_assert(Cfg::FOLDS * Cfg::PE % Cfg::CHANNELS == 0, "a frame holds every channel equally often");
  static const int WIDTH = min_of(Cfg::PE, Cfg::CHANNELS);  // lanes of a pixel
  static const int ROWS = Cfg::CHANNELS / WIDTH;
  typedef typename working<product_width<typename Cfg::a_t, typename Cfg::b_t>::VALUE>::type product_t;

  // A factor is read again ROWS cycles after it was kept. A memory takes two or three cycles for that, so up to 4 words
  // live in registers; beyond, the tool is told the distance.
  static const int BANKS = ROWS <= 4 ? ROWS : 1;
  static_assert(ROWS % BANKS == 0, "every bank holds as many rows");
  typename Cfg::b_t kept[ROWS][WIDTH];
#pragma HLS ARRAY_RESHAPE variable=kept complete dim=2
#pragma HLS ARRAY_PARTITION variable=kept cyclic factor=BANKS dim=1

  typename counter<ROWS>::type row = 0;
  bool first = true;  // pixel of the frame
  for (int fold = 0; fold < Cfg::FOLDS; ++fold) {
#pragma HLS PIPELINE II=1 style=flp rewind
#pragma HLS DEPENDENCE variable=kept type=inter direction=RAW distance=ROWS dependent=true
    const lanes<typename Cfg::a_t, Cfg::PE> a = in_a.read();
    lanes<typename Cfg::b_t, WIDTH> factor;
#pragma HLS ARRAY_PARTITION variable=factor.data complete
    if (first) {
      factor = in_b.read();
      keep(factor, kept[row]);
    } else {
      factor = word_of(kept[row]);
    }
    lanes<typename Cfg::out_t, Cfg::PE> y;
#pragma HLS ARRAY_PARTITION variable=y.data complete
    for (int pe = 0; pe < Cfg::PE; ++pe) {
#pragma HLS UNROLL
      const product_t exact = product_of<product_t>(a[pe], factor[pe % WIDTH]);
      ISOBIT_CHANNEL(row * WIDTH + pe % WIDTH);
      y[pe] = typename Cfg::out_t(exact);
    }
    out.write(y);
    if (row == ROWS - 1) first = fold == Cfg::FOLDS - 1;
    row = successor(row, ROWS);
  }
}

}  // namespace isobit

#endif
