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
  int word = 0;  // of this position
  for (int i = 0; i < Cfg::POSITIONS * WORDS; ++i) {
#pragma HLS PIPELINE II=1
    if (word < Cfg::A_WORDS) {
      out.write(detail::converted<typename Cfg::out_t>(in_a.read()));
    } else {
      out.write(detail::converted<typename Cfg::out_t>(in_b.read()));
    }
    word = word == WORDS - 1 ? 0 : word + 1;
  }
}

}  // namespace isobit

#endif
