// Regroups rows from words of IN_LANES elements to words of OUT_LANES, for any two widths: every row begins a word on
// either side, and where a width does not divide it, its last word has slack. A frame without slack is one row.
//
//   struct regroup1 { static const int FRAME = 20, ROW = 10, CHANNELS = 1, IN_LANES = 2, OUT_LANES = 4;
//                     typedef ap_int<8> elem_t; };
//
// A shift buffer counted in granules of gcd(IN_LANES, OUT_LANES) elements; where one width divides the other it
// is a plain serialiser or deserialiser. Slack in goes on as slack or is dropped; what is still missing is the word's
// first pixel of CHANNELS again, or as much of it as the word has.
// Schedule: II = 1, TRIPS cycles a row, ROW / min(IN_LANES, OUT_LANES) without slack; a cycle reads if less than an
// output word is buffered and the row has more, and writes if at least one is, or in the last cycle of a row with slack.
#ifndef ISOBIT_WIDTH_CONVERTER_HPP
#define ISOBIT_WIDTH_CONVERTER_HPP

#include "isobit/types.hpp"

namespace isobit {

template <class Cfg>
struct row_schedule {
  static const bool SLACK = Cfg::ROW % Cfg::IN_LANES != 0 || Cfg::ROW % Cfg::OUT_LANES != 0;
  static const int COME = (Cfg::ROW + Cfg::IN_LANES - 1) / Cfg::IN_LANES;  // words of a row
  static const int LEAVE = (Cfg::ROW + Cfg::OUT_LANES - 1) / Cfg::OUT_LANES;
  static const int BEFORE = (LEAVE - 1) * Cfg::OUT_LANES;  // elements before the last word out
  static const int TRIPS = max_of(max_of(COME, LEAVE), (BEFORE + Cfg::IN_LANES - 1) / Cfg::IN_LANES + 1);
  static const int LAST_READ = Cfg::IN_LANES > Cfg::OUT_LANES ? (COME - 1) * Cfg::IN_LANES / Cfg::OUT_LANES : COME - 1;
  static const int LEFT = COME * Cfg::IN_LANES - BEFORE;  // elements, slack included, for the last word out
  static const int AGAIN = min_of(Cfg::CHANNELS, LEFT);   // elements that fill up what it lacks
};

template <class Cfg>
void width_converter(hls::stream<lanes<typename Cfg::elem_t, Cfg::IN_LANES> >& in,
                     hls::stream<lanes<typename Cfg::elem_t, Cfg::OUT_LANES> >& out) {
  static_assert(Cfg::FRAME % Cfg::ROW == 0 && Cfg::ROW % Cfg::CHANNELS == 0, "a frame is whole rows of whole pixels");
  typedef row_schedule<Cfg> plan;
  static const int GRANULE = gcd(Cfg::IN_LANES, Cfg::OUT_LANES);
  static const int IN_GRANULES = Cfg::IN_LANES / GRANULE;
  static const int OUT_GRANULES = Cfg::OUT_LANES / GRANULE;
  static const int SIZE = (IN_GRANULES + OUT_GRANULES - 1) * GRANULE;

  typename Cfg::elem_t buffer[SIZE];
#pragma HLS ARRAY_PARTITION variable=buffer complete
  typedef typename counter<IN_GRANULES + OUT_GRANULES>::type granules_t;
  granules_t filled = 0;
  typename counter<plan::TRIPS>::type cycle = 0;  // of the row; without slack nothing depends on it
  for (int i = 0; i < Cfg::FRAME / Cfg::ROW * plan::TRIPS; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
    // What is read in a cycle counts before what is written in it. Both are known from `filled` as it was, and so is
    // the next `filled`: one of three sums, or none at a row's end.
    const bool ends = plan::SLACK && cycle == plan::TRIPS - 1;
    const bool reads = filled < OUT_GRANULES && (!plan::SLACK || cycle <= plan::LAST_READ);
    const bool writes = ends || filled >= OUT_GRANULES - IN_GRANULES;
    if (reads) {
      const lanes<typename Cfg::elem_t, Cfg::IN_LANES> word = in.read();
      for (int l = 0; l < Cfg::IN_LANES; ++l) {
#pragma HLS UNROLL
        buffer[filled * GRANULE + l] = word[l];
      }
    }
    if (writes) {
      lanes<typename Cfg::elem_t, Cfg::OUT_LANES> word;
#pragma HLS ARRAY_PARTITION variable=word.data complete
      for (int l = 0; l < Cfg::OUT_LANES; ++l) {
#pragma HLS UNROLL
        word[l] = ends && l >= plan::LEFT ? buffer[l % plan::AGAIN] : buffer[l];
      }
      out.write(word);
      for (int l = 0; l < SIZE - Cfg::OUT_LANES; ++l) {
#pragma HLS UNROLL
        buffer[l] = buffer[l + Cfg::OUT_LANES];
      }
    }
    filled = ends      ? granules_t(0)
             : !writes ? granules_t(filled + IN_GRANULES)
             : reads   ? granules_t(filled + (IN_GRANULES - OUT_GRANULES))
                       : granules_t(filled - OUT_GRANULES);
    cycle = successor(cycle, plan::TRIPS);
  }
}

}  // namespace isobit

#endif
