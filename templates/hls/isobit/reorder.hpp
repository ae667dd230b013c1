// Any fixed rearrangement or selection of a frame's words: out[i] = in[index[i]].
//
//   struct transpose1 {
//     static const int IN_WORDS = 64, OUT_WORDS = 64, LANES = 1;
//     typedef ap_int<8> elem_t;  typedef ap_uint<6> index_t;
//   };
//
// Holds a whole frame: where rows, columns or channel words are only dropped or repeated, slice.hpp or upsample.hpp
// do without. Schedule: II = 1, IN_WORDS + OUT_WORDS cycles a frame; all words in, then all words out.
#ifndef ISOBIT_REORDER_HPP
#define ISOBIT_REORDER_HPP

#include "isobit/rom.hpp"
#include "isobit/types.hpp"

namespace isobit {

template <class Cfg>
void reorder(hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> >& in,
             hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> >& out,
             const typename rom_of<typename Cfg::index_t>::type (&index)[Cfg::OUT_WORDS]) {
  typename Cfg::elem_t frame[Cfg::IN_WORDS][Cfg::LANES];
#pragma HLS ARRAY_RESHAPE variable=frame complete dim=2
  typename counter<Cfg::IN_WORDS>::type entering = 0;
  typename counter<Cfg::OUT_WORDS>::type leaving = 0;
  for (int i = 0; i < Cfg::IN_WORDS + Cfg::OUT_WORDS; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
    if (i < Cfg::IN_WORDS) {
      keep(in.read(), frame[entering]);
      entering = successor(entering, Cfg::IN_WORDS);
    } else {
      const int word = from_rom<typename Cfg::index_t>(index[leaving]).to_int();
      ISOBIT_INDEX(word, Cfg::IN_WORDS);
      out.write(word_of(frame[word]));
      leaving = successor(leaving, Cfg::OUT_WORDS);
    }
  }
}

}  // namespace isobit

#endif
