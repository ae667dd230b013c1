// The accelerator's edges: AXI-stream words to element words, and back.
//
//   struct input_port { static const int FRAME = 16, LANES = 4, ELEM = 8, WORD = 32; typedef ap_int<8> elem_t; };
//   struct output_port { static const int FRAME = 15, LANES = 4, ELEM = 8, WORD = 32, ROW = 5; typedef ap_int<8> elem_t; };
//
// A frame is FRAME elements, LANES to an AXI word, the first in the lowest bits, each sign- or zero-extended to
// a container of ELEM bits; an input's slack counts as elements. Schedule: II = 1, a word in and out in each cycle.
#ifndef ISOBIT_STREAM_IO_HPP
#define ISOBIT_STREAM_IO_HPP

#include "ap_axi_sdata.h"
#include "isobit/types.hpp"

namespace isobit {

namespace detail {
template <class Cfg>
struct port {
  typedef int_traits<typename Cfg::elem_t> elem;
  static_assert(Cfg::WORD == Cfg::LANES * Cfg::ELEM, "an AXI word is LANES containers");
  static_assert(Cfg::ELEM == 8 || Cfg::ELEM == 16 || Cfg::ELEM == 32 || Cfg::ELEM == 64, "containers are whole words");
  static_assert(elem::WIDTH <= Cfg::ELEM, "an element fits its container");

  typedef typename any_int<Cfg::ELEM, elem::SIGNED>::type container_t;
  typedef ap_axiu<Cfg::WORD, 0, 0, 0> beat_t;
  typedef lanes<typename Cfg::elem_t, Cfg::LANES> word_t;
};

// The elements of beat number i.
template <class Cfg>
typename port<Cfg>::word_t unpacked(const typename port<Cfg>::beat_t& beat, int i) {
#pragma HLS INLINE
  typename port<Cfg>::word_t word;
#pragma HLS ARRAY_PARTITION variable=word.data complete
  for (int l = 0; l < Cfg::LANES; ++l) {
#pragma HLS UNROLL
    typename port<Cfg>::container_t element = 0;
    element.range(Cfg::ELEM - 1, 0) = beat.data.range(l * Cfg::ELEM + Cfg::ELEM - 1, l * Cfg::ELEM);
    ISOBIT_CHANNEL(i * Cfg::LANES + l);
    word[l] = typename Cfg::elem_t(element);
  }
  return word;
}
// A word as a beat. All its bytes are data: a DMA takes null bytes at the end of a transfer only, and rows have slack.
template <class Cfg>
typename port<Cfg>::beat_t packed(const typename port<Cfg>::word_t& word, ap_uint<1> end) {
#pragma HLS INLINE
  typename port<Cfg>::beat_t beat;
  for (int l = 0; l < Cfg::LANES; ++l) {
#pragma HLS UNROLL
    typename port<Cfg>::container_t element = word[l];
    beat.data.range(l * Cfg::ELEM + Cfg::ELEM - 1, l * Cfg::ELEM) = element.range(Cfg::ELEM - 1, 0);
  }
  beat.keep = ~ap_uint<Cfg::WORD / 8>(0);
  beat.strb = ~ap_uint<Cfg::WORD / 8>(0);
  beat.last = end;
  return beat;
}
}  // namespace detail

// Reads one frame. TLAST of its final word goes to `last` in that cycle, to travel around the network to write_frame():
// give that stream a depth of at least the number of frames in flight.
template <class Cfg>
void read_frame(hls::stream<ap_axiu<Cfg::WORD, 0, 0, 0> >& axis,
                hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> >& out, hls::stream<ap_uint<1> >& last) {
  static_assert(Cfg::FRAME % Cfg::LANES == 0, "whole AXI words make a frame");
  static const int WORDS = Cfg::FRAME / Cfg::LANES;
  for (int i = 0; i < WORDS; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
    const typename detail::port<Cfg>::beat_t beat = axis.read();
    out.write(detail::unpacked<Cfg>(beat, i));
    if (i == WORDS - 1) last.write(beat.last);
  }
}

// Reads one frame of a further input. Its TLAST is not looked at: the first input's says where a batch ends.
template <class Cfg>
void read_further_frame(hls::stream<ap_axiu<Cfg::WORD, 0, 0, 0> >& axis,
                        hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> >& out) {
  for (int i = 0; i < Cfg::FRAME / Cfg::LANES; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
    out.write(detail::unpacked<Cfg>(axis.read(), i));
  }
}

// Hands the flags of FLAGS frames (one: a call handles a frame) to two outputs. Schedule: II = 1, FLAGS cycles.
template <class Cfg>
void fork_flag(hls::stream<ap_uint<1> >& last, hls::stream<ap_uint<1> >& out_a, hls::stream<ap_uint<1> >& out_b) {
  for (int i = 0; i < Cfg::FLAGS; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
    const ap_uint<1> end = last.read();
    out_a.write(end);
    out_b.write(end);
  }
}

// Writes one frame, whose rows of ROW elements begin words: what a row's last word lacks is written as zeros. TLAST is
// set on the frame's final word exactly if its input ended with TLAST, so that a DMA transfer of many frames ends where
// its batch does.
template <class Cfg>
void write_frame(hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> >& in, hls::stream<ap_uint<1> >& last,
                 hls::stream<ap_axiu<Cfg::WORD, 0, 0, 0> >& axis) {
  static_assert(Cfg::FRAME % Cfg::ROW == 0, "whole rows make a frame");
  static const int WORDS = (Cfg::ROW + Cfg::LANES - 1) / Cfg::LANES;  // of a row
  static const int ROWS = Cfg::FRAME / Cfg::ROW;
  typename counter<WORDS>::type place = 0;  // of a word in its row; where no row has slack nothing depends on it
  for (int i = 0; i < ROWS * WORDS; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
    lanes<typename Cfg::elem_t, Cfg::LANES> word = in.read();
    for (int l = Cfg::ROW - (WORDS - 1) * Cfg::LANES; l < Cfg::LANES; ++l) {
#pragma HLS UNROLL
      if (place == WORDS - 1) word[l] = 0;
    }
    ap_uint<1> end = 0;
    if (i == ROWS * WORDS - 1) end = last.read();  // no sooner: outputs may leave before the frame has been read
    axis.write(detail::packed<Cfg>(word, end));
    place = successor(place, WORDS);
  }
}

}  // namespace isobit

#endif
