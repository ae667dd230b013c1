// Step by thresholds: y = start[c] + the number of cuts t with acc >= t.
//
//   struct act1 {
//     static const int CHANNELS = 64, PE = 8, FOLDS = 8, LEVELS = 3;
//     typedef ap_int<16> in_t;  typedef ap_int<17> threshold_t;  typedef ap_uint<2> start_t, out_t;
//   };
//
// Constants are per channel or per tensor (per_channel.hpp). A channel with fewer cuts repeats one that in_t never
// reaches.
// Schedule: II = 1, FOLDS words in and out. Cost: LEVELS comparisons per lane.
#ifndef ISOBIT_THRESHOLDS_HPP
#define ISOBIT_THRESHOLDS_HPP

#include "isobit/per_channel.hpp"
#include "isobit/types.hpp"

namespace isobit {

namespace detail {
template <class Cfg>
struct cuts_reached {
  typedef typename working<ceil_log2(Cfg::LEVELS + 1) + 1>::type count_t;
  // Compared as signed numbers: ap_int compares wide operands of different signs as C does, that is wrongly.
  typedef typename working<max_of(signed_width<typename Cfg::in_t>::VALUE,
                                  signed_width<typename Cfg::threshold_t>::VALUE)>::type compared_t;

  static typename Cfg::out_t apply(const typename Cfg::in_t& acc,
                                   const typename rom_of<typename Cfg::start_t>::type& start,
                                   const typename rom_of<typename Cfg::threshold_t>::type (&cuts)[Cfg::LEVELS]) {
#pragma HLS INLINE
    const compared_t level = acc;
    count_t reached = 0;
    for (int j = 0; j < Cfg::LEVELS; ++j) {
#pragma HLS UNROLL
      const compared_t cut = from_rom<typename Cfg::threshold_t>(cuts[j]);
      reached += level >= cut ? 1 : 0;
    }
    return typename Cfg::out_t(from_rom<typename Cfg::start_t>(start) + reached);
  }
};
}  // namespace detail

template <class Cfg>
void thresholds(hls::stream<lanes<typename Cfg::in_t, Cfg::PE> >& in,
                hls::stream<lanes<typename Cfg::out_t, Cfg::PE> >& out,
                const channel_constants<Cfg, typename Cfg::start_t>& start,
                const channel_tables<Cfg, typename Cfg::threshold_t, Cfg::LEVELS>& cuts) {
#pragma HLS ARRAY_RESHAPE variable=start complete dim=2
#pragma HLS ARRAY_RESHAPE variable=cuts complete dim=2
#pragma HLS ARRAY_RESHAPE variable=cuts complete dim=3
  per_channel<Cfg, detail::cuts_reached<Cfg> >(in, out, start, cuts);
}

}  // namespace isobit

#endif
