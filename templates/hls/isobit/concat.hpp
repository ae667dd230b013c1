// Two frames joined along the channels: at every position the words of a, then those of b.
//
//   struct concat1 {
//     static const int POSITIONS = 64, A_WORDS = 4, B_WORDS = 2, LANES = 8;  // words per position
//     typedef ap_uint<4> a_t;  typedef ap_int<4> b_t;  typedef ap_int<5> out_t;
//   };
//
// out_t holds a_t and b_t.
// Schedule: II = 1, POSITIONS * (A_WORDS + B_WORDS) cycles a frame; in each, a word in from either side and out.
#ifndef ISOBIT_CONCAT_HPP
#define ISOBIT_CONCAT_HPP

#include "isobit/types.hpp"

namespace isobit {

namespace detail {
template <class Out, class In, int N>
lanes<Out, N> converted(const lanes<In, N>& word) {
#pragma HLS INLINE
  lanes<Out, N> result;
  for (int l = 0; l < N; ++l) {
#pragma HLS UNROLL
    result[l] = Out(word[l]);
  }
  return result;
}
}  // namespace detail

template <class Cfg>
void concat(hls::stream<lanes<typename Cfg::a_t, Cfg::LANES> >& in_a,
            hls::stream<lanes<typename Cfg::b_t, Cfg::LANES> >& in_b,
            hls::stream<lanes<typename Cfg::out_t, Cfg::LANES> >& out) {
  static const int WORDS = Cfg::A_WORDS + Cfg::B_WORDS;
  typename counter<WORDS>::type word = 0;  // of this position
  for (int i = 0; i < Cfg::POSITIONS * WORDS; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
    if (word < Cfg::A_WORDS) {
      out.write(detail::converted<typename Cfg::out_t>(in_a.read()));
    } else {
      out.write(detail::converted<typename Cfg::out_t>(in_b.read()));
    }
    word = successor(word, WORDS);
  }
}

// The same with SAMPLES positions a word: A channels of each from a, B from b.
//
//   struct concat2 {
//     static const int WORDS = 16, SAMPLES = 4, A = 8, B = 4;
//     typedef ap_uint<4> a_t;  typedef ap_int<4> b_t;  typedef ap_int<5> out_t;
//   };
//
// Schedule: II = 1, WORDS words in from either side and out.
template <class Cfg>
void parallel_concat(hls::stream<lanes<typename Cfg::a_t, Cfg::SAMPLES * Cfg::A> >& in_a,
                     hls::stream<lanes<typename Cfg::b_t, Cfg::SAMPLES * Cfg::B> >& in_b,
                     hls::stream<lanes<typename Cfg::out_t, Cfg::SAMPLES * (Cfg::A + Cfg::B)> >& out) {
  for (int i = 0; i < Cfg::WORDS; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
    const lanes<typename Cfg::a_t, Cfg::SAMPLES * Cfg::A> a = in_a.read();
    const lanes<typename Cfg::b_t, Cfg::SAMPLES * Cfg::B> b = in_b.read();
    lanes<typename Cfg::out_t, Cfg::SAMPLES * (Cfg::A + Cfg::B)> joined;
#pragma HLS ARRAY_PARTITION variable=joined.data complete
    for (int p = 0; p < Cfg::SAMPLES; ++p) {
#pragma HLS UNROLL
      for (int c = 0; c < Cfg::A; ++c) {
#pragma HLS UNROLL
        joined[p * (Cfg::A + Cfg::B) + c] = typename Cfg::out_t(a[p * Cfg::A + c]);
      }
      for (int c = 0; c < Cfg::B; ++c) {
#pragma HLS UNROLL
        joined[p * (Cfg::A + Cfg::B) + Cfg::A + c] = typename Cfg::out_t(b[p * Cfg::B + c]);
      }
    }
    out.write(joined);
  }
}

}  // namespace isobit

#endif
