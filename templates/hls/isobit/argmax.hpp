// Selection: the index of the largest element, or of the K largest; the lower index wins a tie.
//
//   struct pick {
//     static const int FRAME = 10, LANES = 2, VECTORS = 1, K = 3;  // K: for top_k only
//     typedef ap_int<12> in_t;  typedef ap_uint<4> index_t;
//   };
//
// Selects among FRAME successive elements, VECTORS times: once for a whole frame, or per position of an image.
#ifndef ISOBIT_ARGMAX_HPP
#define ISOBIT_ARGMAX_HPP

#include "isobit/types.hpp"

namespace isobit {

// One word with one index per vector. Schedule: II = 1, VECTORS * FRAME / LANES cycles, a word in in every cycle, a
// word out in the last of every FRAME / LANES.
template <class Cfg>
void argmax(hls::stream<lanes<typename Cfg::in_t, Cfg::LANES> >& in,
            hls::stream<lanes<typename Cfg::index_t, 1> >& out) {
  static_assert(Cfg::FRAME % Cfg::LANES == 0, "whole words make a frame");
  typename Cfg::in_t best = 0;
  int best_index = 0;
  int first = 0;  // index of lane 0
  for (int i = 0; i < Cfg::VECTORS * (Cfg::FRAME / Cfg::LANES); ++i) {
#pragma HLS PIPELINE II=1
    const lanes<typename Cfg::in_t, Cfg::LANES> word = in.read();
    typename Cfg::in_t top = word[0];  // of this word: off the loop-carried path
    int top_lane = 0;
    for (int l = 1; l < Cfg::LANES; ++l) {
#pragma HLS UNROLL
      if (word[l] > top) {
        top = word[l];
        top_lane = l;
      }
    }
    if (first == 0 || top > best) {
      best = top;
      best_index = first + top_lane;
    }
    first += Cfg::LANES;
    if (first == Cfg::FRAME) {
      lanes<typename Cfg::index_t, 1> result;
      result[0] = typename Cfg::index_t(best_index);
      out.write(result);
      first = 0;
    }
  }
}

// One word with K indices per vector, largest value first. Schedule: II = 1, VECTORS * FRAME cycles, a word in in the
// first of every LANES, a word out in the last of every FRAME.
template <class Cfg>
void top_k(hls::stream<lanes<typename Cfg::in_t, Cfg::LANES> >& in,
           hls::stream<lanes<typename Cfg::index_t, Cfg::K> >& out) {
  static_assert(Cfg::FRAME % Cfg::LANES == 0, "whole words make a frame");
  static_assert(Cfg::K >= 1 && Cfg::K <= Cfg::FRAME, "K elements are there");
  lanes<typename Cfg::in_t, Cfg::LANES> word;
#pragma HLS ARRAY_PARTITION variable=word.data complete
  typename Cfg::in_t value[Cfg::K];  // sorted, largest first; slots 0 .. i - 1 are filled
#pragma HLS ARRAY_PARTITION variable=value complete
  lanes<typename Cfg::index_t, Cfg::K> index;
#pragma HLS ARRAY_PARTITION variable=index.data complete

  int lane = 0, i = 0;  // i: index in the vector
  for (int cycle = 0; cycle < Cfg::VECTORS * Cfg::FRAME; ++cycle) {
#pragma HLS PIPELINE II=1
    if (lane == 0) word = in.read();
    const typename Cfg::in_t element = word[lane];
    lane = lane == Cfg::LANES - 1 ? 0 : lane + 1;
    for (int k = Cfg::K - 1; k >= 0; --k) {
#pragma HLS UNROLL
      const bool enters_above = k > 0 && (i < k || element > value[k > 0 ? k - 1 : 0]);
      const bool enters_here = i <= k || element > value[k];
      if (enters_above && k > 0) {
        value[k] = value[k - 1];
        index[k] = index[k - 1];
      } else if (enters_here) {
        value[k] = element;
        index[k] = typename Cfg::index_t(i);
      }
    }
    if (++i == Cfg::FRAME) {
      out.write(index);
      i = 0;
    }
  }
}

}  // namespace isobit

#endif
