// The windows of a convolution or pooling, SAMPLES positions at a time: a block (block.hpp) in one word.
//
//   struct conv1_window {
//     static const int H = 16, W = 16, CHANNELS = 8, SAMPLES = 4;
//     static const int KH = 3, KW = 3, SH = 1, SW = 1, DH = 1, DW = 1;  // kernel, strides, dilations
//     static const int TOP = 1, BOTTOM = 1, LEFT = 1, RIGHT = 1, VALUE = 0;  // a border of a constant
//     typedef ap_uint<4> in_t, out_t;
//   };
//
// A word in is STEP = SAMPLES * SW pixels of a row. Where STEP does not divide W, or SAMPLES the width of what comes out,
// a row's last word or block is filled up with pixels of other places or the border's: nobody reads what is made of
// them. out_t holds in_t and VALUE. 1-D data has H = KH = 1. The border costs no cycles beside the frame; below, its rows.
//
// Schedule: II = 1, TRIPS cycles a frame: the H * WORDS words come in the first cycles, one in each (WORDS a row); a
// row's BLOCKS blocks leave in successive cycles, the first of the frame in cycle FIRST, the next row's SH * WORDS cycles
// later.
// Memory: the SPAN_H - 1 rows above the one that comes in, WORDS wide words with one write port and one read port, in
// the place of the second template argument (sliding_window.hpp); and KH * KEPT pixels in registers.
#ifndef ISOBIT_PARALLEL_WINDOW_HPP
#define ISOBIT_PARALLEL_WINDOW_HPP

#include "isobit/block.hpp"
#include "isobit/sliding_window.hpp"
#include "isobit/types.hpp"

namespace isobit {

// Everything about the blocks that is known before the first pixel.
template <class Cfg>
struct block_schedule {
  static_assert(Cfg::SH >= 1 && Cfg::SW >= 1 && Cfg::DH >= 1 && Cfg::DW >= 1, "strides and dilations count from one");
  static const int SPAN_H = (Cfg::KH - 1) * Cfg::DH + 1;
  static const int SPAN_W = (Cfg::KW - 1) * Cfg::DW + 1;
  static const int OUT_H = (Cfg::TOP + Cfg::H + Cfg::BOTTOM - SPAN_H) / Cfg::SH + 1;
  static const int OUT_W = (Cfg::LEFT + Cfg::W + Cfg::RIGHT - SPAN_W) / Cfg::SW + 1;
  static const int STEP = Cfg::SAMPLES * Cfg::SW;  // pixels of a word in, and from a block to the next
  static_assert(Cfg::W >= STEP && OUT_W >= Cfg::SAMPLES, "a row has a whole word");
  static const int WORDS = (Cfg::W + STEP - 1) / STEP;
  static const int BLOCKS = (OUT_W + Cfg::SAMPLES - 1) / Cfg::SAMPLES;
  static_assert(BLOCKS <= WORDS, "no more words out than in");
  static_assert(Cfg::TOP < SPAN_H && Cfg::LEFT < block<Cfg>::COLUMNS, "a block has pixels inside the border");

  static const int LAG = (block<Cfg>::COLUMNS - 1 - Cfg::LEFT) / STEP;  // words from a block's place to its last one
  static const int KEPT = Cfg::LEFT + (LAG + 1) * STEP;                 // pixels of a row, the block's first
  static const int FIRST = (SPAN_H - 1 - Cfg::TOP) * WORDS + LAG;
  static const int LAST = FIRST + (OUT_H - 1) * Cfg::SH * WORDS + BLOCKS - 1;
  static const int TRIPS = max_of(Cfg::H * WORDS, LAST + 1);  // cycles
};

namespace detail {
// The block whose first pixel is in row `top` and column `left` of the frame, from the pixels in registers.
template <class Cfg>
lanes<typename Cfg::out_t, block<Cfg>::LANES> bordered(
    const typename Cfg::in_t (&pixels)[Cfg::KH][block_schedule<Cfg>::KEPT * Cfg::CHANNELS], int top, int left) {
#pragma HLS INLINE
  typedef block_schedule<Cfg> plan;
  static const int COLUMNS = block<Cfg>::COLUMNS;
  static const int LAST_LEFT = (plan::BLOCKS - 1) * plan::STEP - Cfg::LEFT;
  static const bool BORDERED = Cfg::TOP + Cfg::BOTTOM + Cfg::LEFT + Cfg::RIGHT > 0;  // else VALUE is no pixel's
  lanes<typename Cfg::out_t, block<Cfg>::LANES> result;
#pragma HLS ARRAY_PARTITION variable=result.data complete
  for (int kh = 0; kh < Cfg::KH; ++kh) {
#pragma HLS UNROLL
    const int y = top + kh * Cfg::DH;
    for (int x = 0; x < COLUMNS; ++x) {
#pragma HLS UNROLL
      // The first terms are constants: most columns need no comparison.
      const bool right_of_left_end = x >= Cfg::LEFT || left + x >= 0;
      const bool left_of_right_end = LAST_LEFT + x < Cfg::W || left + x < Cfg::W;
      const bool inside = !BORDERED || (y >= 0 && y < Cfg::H && right_of_left_end && left_of_right_end);
      for (int c = 0; c < Cfg::CHANNELS; ++c) {
#pragma HLS UNROLL
        ISOBIT_CHANNEL(c);
        result[(kh * COLUMNS + x) * Cfg::CHANNELS + c] = inside ? typename Cfg::out_t(pixels[kh][x * Cfg::CHANNELS + c])
                                                                : typename Cfg::out_t(Cfg::VALUE);
      }
    }
  }
  return result;
}

// Moves the rows on by a word and takes the new one, with the rows above it, behind them.
template <class Cfg, class Word, class Rows>
void shift_in(typename Cfg::in_t (&pixels)[Cfg::KH][block_schedule<Cfg>::KEPT * Cfg::CHANNELS], const Word& word,
              const Rows& above) {
#pragma HLS INLINE
  static const int SIZE = block_schedule<Cfg>::STEP * Cfg::CHANNELS;
  static const int STAYS = block_schedule<Cfg>::KEPT * Cfg::CHANNELS - SIZE;
  for (int kh = 0; kh < Cfg::KH; ++kh) {
#pragma HLS UNROLL
    const int up = (Cfg::KH - 1 - kh) * Cfg::DH;
    for (int l = 0; l < STAYS; ++l) {
#pragma HLS UNROLL
      pixels[kh][l] = pixels[kh][l + SIZE];
    }
    for (int l = 0; l < SIZE; ++l) {
#pragma HLS UNROLL
      pixels[kh][STAYS + l] = up == 0 ? word[l] : above[max_of(up - 1, 0) * SIZE + l];
    }
  }
}
}  // namespace detail

template <class Cfg, line_memory PLACE = AUTO>
void parallel_window(hls::stream<lanes<typename Cfg::in_t, block_schedule<Cfg>::STEP * Cfg::CHANNELS> >& in,
                     hls::stream<lanes<typename Cfg::out_t, block<Cfg>::LANES> >& out) {
  static_assert(fits<typename Cfg::out_t>(Cfg::VALUE), "out_t holds VALUE");
  typedef block_schedule<Cfg> plan;
  static const int SIZE = plan::STEP * Cfg::CHANNELS;  // lanes of a word in
  static const int ROWS = max_of(plan::SPAN_H - 1, 1);
  typedef lanes<typename Cfg::in_t, ROWS * SIZE> rows_t;

  // A place is read again WORDS cycles after it was written: registers or memory as in depthwise.hpp. A frame may end
  // within a row; what the next one then finds in the first places is a row above its own, which no block shows.
  static const int DISTANCE = plan::WORDS;
  static const int BANKS = DISTANCE <= 4 ? DISTANCE : 1;
  static_assert(DISTANCE % BANKS == 0, "banks are equally deep");
  typename Cfg::in_t lines[plan::WORDS][ROWS * SIZE];  // the rows above, the nearest first
#pragma HLS ARRAY_RESHAPE variable=lines complete dim=2
#pragma HLS ARRAY_PARTITION variable=lines cyclic factor=BANKS dim=1
  detail::in_memory<PLACE>::bind(lines);
  typename Cfg::in_t pixels[Cfg::KH][plan::KEPT * Cfg::CHANNELS];
#pragma HLS ARRAY_PARTITION variable=pixels complete dim=0

  typename counter<plan::WORDS>::type x = 0, place = 0;  // word of its row: of the one that comes in, of the next block
  typename counter<plan::TRIPS / plan::WORDS + 1>::type y = 0;            // row of the word that comes in
  typename counter<Cfg::SH>::type line = 0;                               // rows since those of the last block
  typename counter<plan::OUT_H * Cfg::SH + Cfg::TOP>::type top = -Cfg::TOP;  // first row of the next block
  lanes<typename Cfg::in_t, SIZE> word;  // behind the frame its last one again
#pragma HLS ARRAY_PARTITION variable=word.data complete
  for (int i = 0; i < plan::TRIPS; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
#pragma HLS DEPENDENCE variable=lines type=inter direction=RAW distance=DISTANCE dependent=true
    if (y < Cfg::H) word = in.read();
    rows_t above;
#pragma HLS ARRAY_PARTITION variable=above.data complete
    if (plan::SPAN_H > 1) above = word_of(lines[x]);
    detail::shift_in<Cfg>(pixels, word, above);
    if (plan::SPAN_H > 1) {
      rows_t next;
#pragma HLS ARRAY_PARTITION variable=next.data complete
      for (int l = 0; l < ROWS * SIZE; ++l) {
#pragma HLS UNROLL
        next[l] = l < SIZE ? word[l] : above[max_of(l - SIZE, 0)];
      }
      keep(next, lines[x]);
    }
    if (i >= plan::FIRST && line == 0 && place < plan::BLOCKS && top < plan::OUT_H * Cfg::SH - Cfg::TOP) {
      out.write(detail::bordered<Cfg>(pixels, top, place * plan::STEP - Cfg::LEFT));
    }
    if (i == plan::TRIPS - 1) {  // the next frame begins as this one did
      x = place = 0;
      y = 0;
      line = 0;
      top = -Cfg::TOP;
    } else {
      if (x == plan::WORDS - 1) y += 1;
      x = successor(x, plan::WORDS);
      if (i >= plan::FIRST && place == plan::WORDS - 1) {
        if (line == 0) top += Cfg::SH;
        line = successor(line, Cfg::SH);
      }
      if (i >= plan::FIRST) place = successor(place, plan::WORDS);
    }
  }
}

}  // namespace isobit

#endif
