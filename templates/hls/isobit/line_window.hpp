// The windows of a line, SAMPLES positions at a time, without a gap between lines: two processes.
//
//   struct conv1_ahead { static const int WORDS = 16, LANES = 32, AHEAD = 1; typedef ap_uint<4> elem_t; };
//   struct conv1_window { ... };  // that of parallel_window.hpp, with H = KH = 1 and no border above and below
//
// A block reaches AHEAD words beyond its place, so a process that reads words and gives blocks has AHEAD cycles a line in
// which it reads none. Here the words of the next line come in meanwhile: look_ahead takes a word in every cycle, the
// first AHEAD of a line leave together (head), the others one by one (body); line_window begins with all of the former
// and one of the latter, and gives a block in every cycle from its first on.
// Schedule of look_ahead: II = 1, WORDS cycles a frame, a word in in each; head leaves in cycle AHEAD - 1, the words of
// body in the cycles behind it. Schedule of line_window: II = 1, WORDS cycles a frame; head comes in the first, the words
// of body in the first WORDS - AHEAD, a block leaves in each of the first BLOCKS.
#ifndef ISOBIT_LINE_WINDOW_HPP
#define ISOBIT_LINE_WINDOW_HPP

#include "isobit/parallel_window.hpp"

namespace isobit {

template <class Cfg>
void look_ahead(hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> >& in,
                hls::stream<lanes<typename Cfg::elem_t, Cfg::AHEAD * Cfg::LANES> >& head,
                hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> >& body) {
  static_assert(Cfg::AHEAD >= 1 && Cfg::AHEAD < Cfg::WORDS, "a line has a word behind those that leave together");
  static const int STAYS = (Cfg::AHEAD - 1) * Cfg::LANES;
  lanes<typename Cfg::elem_t, Cfg::AHEAD * Cfg::LANES> last;  // the last AHEAD words
#pragma HLS ARRAY_PARTITION variable=last.data complete
  for (int i = 0; i < Cfg::WORDS; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
    const lanes<typename Cfg::elem_t, Cfg::LANES> word = in.read();
    for (int l = 0; l < STAYS; ++l) {
#pragma HLS UNROLL
      last[l] = last[l + Cfg::LANES];
    }
    for (int l = 0; l < Cfg::LANES; ++l) {
#pragma HLS UNROLL
      last[STAYS + l] = word[l];
    }
    if (i == Cfg::AHEAD - 1) head.write(last);
    if (i >= Cfg::AHEAD) body.write(word);
  }
}

template <class Cfg>
void line_window(hls::stream<lanes<typename Cfg::in_t, block_schedule<Cfg>::LAG * block_schedule<Cfg>::STEP *
                                                            Cfg::CHANNELS> >& head,
                 hls::stream<lanes<typename Cfg::in_t, block_schedule<Cfg>::STEP * Cfg::CHANNELS> >& body,
                 hls::stream<lanes<typename Cfg::out_t, block<Cfg>::LANES> >& out) {
  static_assert(fits<typename Cfg::out_t>(Cfg::VALUE), "out_t holds VALUE");
  typedef block_schedule<Cfg> plan;
  static_assert(Cfg::H == 1 && Cfg::KH == 1 && Cfg::TOP == 0 && Cfg::BOTTOM == 0, "a line has one row");
  static_assert(plan::LAG >= 1 && plan::LAG < plan::WORDS, "a block reaches words beyond its place, and not all");
  static const int SIZE = plan::STEP * Cfg::CHANNELS;  // lanes of a word
  static const int FIRST = plan::KEPT * Cfg::CHANNELS - plan::LAG * SIZE;
  lanes<typename Cfg::in_t, SIZE> above;  // there is no row above: nobody reads it
#pragma HLS ARRAY_PARTITION variable=above.data complete
  lanes<typename Cfg::in_t, SIZE> word;  // behind the line its last one again
#pragma HLS ARRAY_PARTITION variable=word.data complete
  typename Cfg::in_t pixels[1][plan::KEPT * Cfg::CHANNELS];
#pragma HLS ARRAY_PARTITION variable=pixels complete dim=0
  for (int i = 0; i < plan::WORDS; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
    if (i == 0) {
      const lanes<typename Cfg::in_t, plan::LAG * SIZE> words = head.read();
      for (int l = 0; l < plan::LAG * SIZE; ++l) {
#pragma HLS UNROLL
        pixels[0][FIRST + l] = words[l];
      }
    }
    if (i < plan::WORDS - plan::LAG) word = body.read();
    detail::shift_in<Cfg>(pixels, word, above);
    if (i < plan::BLOCKS) out.write(detail::bordered<Cfg>(pixels, 0, i * plan::STEP - Cfg::LEFT));
  }
}

}  // namespace isobit

#endif
