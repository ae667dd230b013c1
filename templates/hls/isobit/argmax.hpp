// Selection: the index of the largest element, or of the K largest; the lower index wins a tie.
//
//   struct pick {
//     static const int FRAME = 10, LANES = 2, VECTORS = 1, K = 3;  // K: for top_k only
//     typedef ap_int<12> in_t;  typedef ap_uint<4> index_t;
//   };
//
// Selects among FRAME successive elements, VECTORS times: once for a whole frame, or per position of an image. A word
// in is a share of them, or those of several positions (LANES a multiple of FRAME), whose indices leave together.
#ifndef ISOBIT_ARGMAX_HPP
#define ISOBIT_ARGMAX_HPP

#include "isobit/types.hpp"

namespace isobit {

namespace detail {
// Vectors and elements of one vector in a word.
template <class Cfg>
struct selection {
  static_assert(Cfg::FRAME % Cfg::LANES == 0 || Cfg::LANES % Cfg::FRAME == 0, "a word is a share, or whole vectors");
  static const int SAMPLES = max_of(Cfg::LANES / Cfg::FRAME, 1);
  static const int LANES = min_of(Cfg::LANES, Cfg::FRAME);
};
}  // namespace detail

// One index per vector. Schedule: II = 1, VECTORS * FRAME / LANES cycles, a word in in every cycle, a word out in the
// last of every FRAME / LANES, or in every one.
template <class Cfg>
void argmax(hls::stream<lanes<typename Cfg::in_t, Cfg::LANES> >& in,
            hls::stream<lanes<typename Cfg::index_t, detail::selection<Cfg>::SAMPLES> >& out) {
  static const int SAMPLES = detail::selection<Cfg>::SAMPLES;
  static const int LANES = detail::selection<Cfg>::LANES;
  static_assert(Cfg::VECTORS % SAMPLES == 0, "whole words make a frame");
  typename Cfg::in_t best[SAMPLES];
#pragma HLS ARRAY_PARTITION variable=best complete
  lanes<typename Cfg::index_t, SAMPLES> best_index;
#pragma HLS ARRAY_PARTITION variable=best_index.data complete
  typename counter<Cfg::FRAME>::type first = 0;  // index of a vector's lane 0
  for (int i = 0; i < Cfg::VECTORS / SAMPLES * (Cfg::FRAME / LANES); ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
    const lanes<typename Cfg::in_t, Cfg::LANES> word = in.read();
    for (int p = 0; p < SAMPLES; ++p) {
#pragma HLS UNROLL
      typename Cfg::in_t top = word[p * LANES];  // of this word: off the loop-carried path
      int top_lane = 0;
      for (int l = 1; l < LANES; ++l) {
#pragma HLS UNROLL
        if (word[p * LANES + l] > top) {
          top = word[p * LANES + l];
          top_lane = l;
        }
      }
      if (first == 0 || top > best[p]) {
        best[p] = top;
        best_index[p] = typename Cfg::index_t(first + top_lane);
      }
    }
    const bool ends = first == Cfg::FRAME - LANES;
    if (ends) out.write(best_index);
    first = ends ? typename counter<Cfg::FRAME>::type(0) : typename counter<Cfg::FRAME>::type(first + LANES);
  }
}

// K indices per vector, largest value first. Schedule: II = 1, VECTORS * FRAME cycles, divided by the vectors in a
// word; a word in in the first of every LANES (of one vector), a word out in the last of every FRAME.
template <class Cfg>
void top_k(hls::stream<lanes<typename Cfg::in_t, Cfg::LANES> >& in,
           hls::stream<lanes<typename Cfg::index_t, Cfg::K * detail::selection<Cfg>::SAMPLES> >& out) {
  static const int SAMPLES = detail::selection<Cfg>::SAMPLES;
  static const int LANES = detail::selection<Cfg>::LANES;
  static_assert(Cfg::VECTORS % SAMPLES == 0, "whole words make a frame");
  static_assert(Cfg::K >= 1 && Cfg::K <= Cfg::FRAME, "K elements are there");
  lanes<typename Cfg::in_t, Cfg::LANES> word;
#pragma HLS ARRAY_PARTITION variable=word.data complete
  typename Cfg::in_t value[SAMPLES][Cfg::K];  // sorted, largest first; slots 0 .. i - 1 are filled
#pragma HLS ARRAY_PARTITION variable=value complete dim=0
  lanes<typename Cfg::index_t, Cfg::K * SAMPLES> index;
#pragma HLS ARRAY_PARTITION variable=index.data complete

  typename counter<LANES>::type lane = 0;
  typename counter<Cfg::FRAME>::type i = 0;  // index in the vector
  for (int cycle = 0; cycle < Cfg::VECTORS / SAMPLES * Cfg::FRAME; ++cycle) {
#pragma HLS PIPELINE II=1 style=flp rewind
    if (lane == 0) word = in.read();
    for (int p = 0; p < SAMPLES; ++p) {
#pragma HLS UNROLL
      const typename Cfg::in_t element = word[p * LANES + lane];
      for (int k = Cfg::K - 1; k >= 0; --k) {
#pragma HLS UNROLL
        const bool enters_above = k > 0 && (i < k || element > value[p][k > 0 ? k - 1 : 0]);
        const bool enters_here = i <= k || element > value[p][k];
        if (enters_above && k > 0) {
          value[p][k] = value[p][k - 1];
          index[p * Cfg::K + k] = index[p * Cfg::K + k - 1];
        } else if (enters_here) {
          value[p][k] = element;
          index[p * Cfg::K + k] = typename Cfg::index_t(i);
        }
      }
    }
    if (i == Cfg::FRAME - 1) out.write(index);
    lane = successor(lane, LANES);
    i = successor(i, Cfg::FRAME);
  }
}

}  // namespace isobit

#endif
