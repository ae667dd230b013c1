// Step by thresholds: y = start[c] + the number of cuts t with acc >= t, by bisection: one comparison a stage.
//
//   struct act1 {
//     static const int CHANNELS = 64, PE = 8, FOLDS = 8, LEVELS = 3;
//     typedef ap_int<16> in_t;  typedef ap_int<17> threshold_t;  typedef ap_uint<2> start_t, out_t;
//   };
//
// Constants are per channel or per tensor (per_channel.hpp). Up to LEVELS cuts make STAGES comparisons, the first with
// the middle cut, the leading bit of the count; stage s has a memory of its own of 2^s cuts a channel. Its entry k, for
// a count that begins with k, is cut (2 k + 1) * 2^(STAGES - 1 - s) - 1 of the ascending ones; beyond a channel's last cut
// it is one that in_t never reaches.
// Schedule: II = 1, FOLDS words in and out. Cost: a comparison per lane and stage.
#ifndef ISOBIT_THRESHOLDS_HPP
#define ISOBIT_THRESHOLDS_HPP

#include "isobit/per_channel.hpp"
#include "isobit/types.hpp"

namespace isobit {

// How many comparisons find one of LEVELS + 1 counts, and the most cuts that one of them chooses from.
template <class Cfg>
struct bisection {
  static const int STAGES = ceil_log2(Cfg::LEVELS + 1);
  static const int CHOICES = 1 << (STAGES - 1);
};

template <class Cfg>
using channel_cuts = typename rom_of<typename Cfg::threshold_t>::type[channel_rows<Cfg>::ROWS][channel_rows<Cfg>::LANES]
                                                                     [bisection<Cfg>::STAGES][bisection<Cfg>::CHOICES];

namespace detail {
template <class Cfg>
struct cuts_reached {
  static const int STAGES = bisection<Cfg>::STAGES, CHOICES = bisection<Cfg>::CHOICES;
  // Compared as signed numbers: ap_int compares wide operands of different signs as C does, that is wrongly.
  typedef typename working<max_of(signed_width<typename Cfg::in_t>::VALUE,
                                  signed_width<typename Cfg::threshold_t>::VALUE)>::type compared_t;

  static typename Cfg::out_t apply(const typename Cfg::in_t& acc,
                                   const typename rom_of<typename Cfg::start_t>::type& start,
                                   const typename rom_of<typename Cfg::threshold_t>::type (&cuts)[STAGES][CHOICES]) {
#pragma HLS INLINE
    const compared_t level = acc;
    typename counter<2 * CHOICES>::type reached = 0;  // the leading bits of the count
    for (int s = 0; s < STAGES; ++s) {
#pragma HLS UNROLL
      const compared_t cut = from_rom<typename Cfg::threshold_t>(cuts[s][reached]);
      reached = 2 * reached + (level >= cut ? 1 : 0);
    }
    typename Cfg::out_t y = from_rom<typename Cfg::start_t>(start);
    y += reached;
    return y;
  }
};
}  // namespace detail

template <class Cfg>
void thresholds(hls::stream<lanes<typename Cfg::in_t, Cfg::PE> >& in,
                hls::stream<lanes<typename Cfg::out_t, Cfg::PE> >& out,
                const channel_constants<Cfg, typename Cfg::start_t>& start, const channel_cuts<Cfg>& cuts) {
#pragma HLS ARRAY_RESHAPE variable=start complete dim=2
#pragma HLS ARRAY_PARTITION variable=cuts complete dim=2
#pragma HLS ARRAY_PARTITION variable=cuts complete dim=3
#pragma HLS BIND_STORAGE variable=cuts type=rom_np impl=lutram
  per_channel<Cfg, detail::cuts_reached<Cfg> >(in, out, start, cuts);
}

}  // namespace isobit

#endif
