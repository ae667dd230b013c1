// A box cut out of the frame: rows TOP .. TOP + OUT_H - 1, columns LEFT .. LEFT + OUT_W - 1 and, of each pixel's
// IN_WORDS words, FIRST .. FIRST + OUT_WORDS - 1.
//
//   struct slice1 {
//     static const int H = 8, W = 8, IN_WORDS = 4, LANES = 8;
//     static const int TOP = 1, LEFT = 1, FIRST = 2, OUT_H = 6, OUT_W = 6, OUT_WORDS = 2;
//     typedef ap_uint<4> elem_t;
//   };
//
// Schedule: II = 1, H * W * IN_WORDS cycles a frame, a word in in every cycle, the words inside out in the same; the
// first leaves in cycle (TOP * W + LEFT) * IN_WORDS + FIRST. OUT_H * OUT_W * OUT_WORDS words out.
#ifndef ISOBIT_SLICE_HPP
#define ISOBIT_SLICE_HPP

#include "isobit/types.hpp"

namespace isobit {

template <class Cfg>
void slice(hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> >& in,
           hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> >& out) {
  static_assert(Cfg::TOP >= 0 && Cfg::LEFT >= 0 && Cfg::FIRST >= 0, "the box begins in the frame");
  static_assert(Cfg::TOP + Cfg::OUT_H <= Cfg::H && Cfg::LEFT + Cfg::OUT_W <= Cfg::W &&
                    Cfg::FIRST + Cfg::OUT_WORDS <= Cfg::IN_WORDS,
                "the box ends in the frame");
  typename counter<Cfg::H>::type y = 0;
  typename counter<Cfg::W>::type x = 0;
  typename counter<Cfg::IN_WORDS>::type word = 0;
  for (int i = 0; i < Cfg::H * Cfg::W * Cfg::IN_WORDS; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
    const lanes<typename Cfg::elem_t, Cfg::LANES> element = in.read();
    const bool in_rows = y >= Cfg::TOP && y < Cfg::TOP + Cfg::OUT_H;
    const bool in_columns = x >= Cfg::LEFT && x < Cfg::LEFT + Cfg::OUT_W;
    const bool in_words = word >= Cfg::FIRST && word < Cfg::FIRST + Cfg::OUT_WORDS;
    if (in_rows && in_columns && in_words) out.write(element);
    const bool pixel_ends = word == Cfg::IN_WORDS - 1;
    if (pixel_ends && x == Cfg::W - 1) y = successor(y, Cfg::H);
    if (pixel_ends) x = successor(x, Cfg::W);
    word = successor(word, Cfg::IN_WORDS);
  }
}

}  // namespace isobit

#endif
