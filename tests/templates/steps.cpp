// The three step bodies against their formulas, per channel and per tensor.
#include <algorithm>
#include <tuple>
#include <utility>

#include "check.hpp"
#include "isobit/lookup.hpp"
#include "isobit/multiply_shift.hpp"
#include "isobit/thresholds.hpp"

template <int CHANNELS_, int PE_, int FOLDS_, class IN, class OUT>
struct shape {
  static const int CHANNELS = CHANNELS_, PE = PE_, FOLDS = FOLDS_;
  typedef IN in_t;
  typedef OUT out_t;
};

// Sends three random frames of `low .. high` through `process`, and expects formula(channel, element).
template <class Cfg, class Process, class Formula>
void drive(const char* what, long long low, long long high, Process process, Formula formula) {
  ++check::configurations;
  static const int SIZE = Cfg::FOLDS * Cfg::PE;
  hls::stream<check::lanes<typename Cfg::in_t, Cfg::PE> > in("in");
  hls::stream<check::lanes<typename Cfg::out_t, Cfg::PE> > out("out");
  for (int f = 0; f < 3; ++f) {
    long long acc[SIZE], expected[SIZE];
    for (int i = 0; i < SIZE; ++i) {
      acc[i] = check::random_in(low, high);
      expected[i] = formula(i % Cfg::CHANNELS, acc[i]);
    }
    check::send(in, acc, SIZE);
    process(in, out);
    check::receive(what, f, out, expected, SIZE);
  }
}

template <class Shape, int LEVELS_>
struct threshold_config : Shape {
  static const int LEVELS = LEVELS_;
  typedef ap_int<check::int_traits<typename Shape::in_t>::WIDTH + 2> threshold_t;
  typedef ap_int<3> start_t;
};

// The cuts of a stage, of all channels.
template <class Cfg, int S>
struct stage {
  isobit::channel_tables<Cfg, typename Cfg::threshold_t, 1 << S> rows;
};
template <class Cfg, class Stages>
struct stages;
template <class Cfg, int... S>
struct stages<Cfg, std::integer_sequence<int, S...> > {
  static const int COUNT = sizeof...(S);
  std::tuple<stage<Cfg, S>...> cuts;

  void set(int s, int c, int k, long long cut) {
    const int done[] = {(S == s ? put(std::get<S>(cuts), c, k, cut) : void(), 0)...};
    (void)done;
  }
  template <class Stage>
  static void put(Stage& stage, int c, int k, long long cut) {
    check::in_rows<Cfg, typename Cfg::threshold_t>::at(stage.rows, c)[k] = cut;
  }
  template <class In, class Out, class Start>
  void run(In& in, Out& out, const Start& start) {
    isobit::thresholds<Cfg>(in, out, start, std::get<S>(cuts).rows...);
  }
};

template <class Cfg>
void run_thresholds() {
  typename check::rom_of<typename Cfg::start_t>::type start[Cfg::CHANNELS];
  stages<Cfg, std::make_integer_sequence<int, isobit::ceil_log2(Cfg::LEVELS + 1)> > bisection;
  long long levels[Cfg::CHANNELS][Cfg::LEVELS];
  typedef check::in_rows<Cfg, typename Cfg::start_t> starts;
  for (int c = 0; c < Cfg::CHANNELS; ++c) {
    start[c] = check::random_of<typename Cfg::start_t>();
    for (int j = 0; j < Cfg::LEVELS; ++j)
      levels[c][j] = check::random_in(check::least<typename Cfg::in_t>(), check::greatest<typename Cfg::in_t>() + 1);
    std::sort(levels[c], levels[c] + Cfg::LEVELS);
    for (int s = 0; s < bisection.COUNT; ++s)
      for (int k = 0; k < 1 << s; ++k) {
        const int j = ((2 * k + 1) << (bisection.COUNT - 1 - s)) - 1;
        bisection.set(s, c, k, j < Cfg::LEVELS ? levels[c][j] : check::greatest<typename Cfg::in_t>() + 1);
      }
  }
  drive<Cfg>(
      "thresholds", check::least<typename Cfg::in_t>(), check::greatest<typename Cfg::in_t>(),
      [&](hls::stream<check::lanes<typename Cfg::in_t, Cfg::PE> >& in,
          hls::stream<check::lanes<typename Cfg::out_t, Cfg::PE> >& out) {
        bisection.run(in, out, starts(start).rows);
      },
      [&](int c, long long a) {
        long long y = start[c];
        for (int j = 0; j < Cfg::LEVELS; ++j)
          if (a >= levels[c][j]) ++y;
        return y;
      });
}

template <class Shape, int K_, class M, bool CLAMP_>
struct shift_config : Shape {
  static const int K = K_, LO = CLAMP_ ? -5 : 0, HI = 6;
  static const bool CLAMP = CLAMP_;
  typedef M multiplier_t;
  typedef ap_int<9> offset_t;
  typedef ap_int<isobit::product_width<typename Shape::in_t, M>::VALUE> product_t;
  typedef ap_int<isobit::max_of(check::int_traits<product_t>::WIDTH, 9) + 1> sum_t;
};

template <class Cfg>
void run_multiply_shift() {
  typename check::rom_of<typename Cfg::multiplier_t>::type multipliers[Cfg::CHANNELS];
  typename check::rom_of<typename Cfg::offset_t>::type offsets[Cfg::CHANNELS];
  for (int c = 0; c < Cfg::CHANNELS; ++c) {
    multipliers[c] = check::random_of<typename Cfg::multiplier_t>();
    offsets[c] = check::random_of<typename Cfg::offset_t>();
  }
  drive<Cfg>(
      "multiply_shift", check::least<typename Cfg::in_t>(), check::greatest<typename Cfg::in_t>(),
      [&](hls::stream<check::lanes<typename Cfg::in_t, Cfg::PE> >& in,
          hls::stream<check::lanes<typename Cfg::out_t, Cfg::PE> >& out) {
        isobit::multiply_shift<Cfg>(in, out, check::in_rows<Cfg, typename Cfg::multiplier_t>(multipliers).rows,
                                    check::in_rows<Cfg, typename Cfg::offset_t>(offsets).rows);
      },
      [&](int c, long long a) {
        const __int128 sum = static_cast<__int128>(multipliers[c]) * a + offsets[c];
        const __int128 step = static_cast<__int128>(1) << Cfg::K;
        long long y = static_cast<long long>(sum / step);
        if (sum % step < 0) --y;
        if (Cfg::CLAMP && y < Cfg::LO) y = Cfg::LO;
        if (Cfg::CLAMP && y > Cfg::HI) y = Cfg::HI;
        return y;
      });
}

template <class Base>
struct shifts_config : Base {
  typedef ap_uint<4> shift_t;
};

template <class Cfg>
void run_multiply_shift_per_channel() {
  typename check::rom_of<typename Cfg::multiplier_t>::type multipliers[Cfg::CHANNELS];
  typename check::rom_of<typename Cfg::offset_t>::type offsets[Cfg::CHANNELS];
  typename check::rom_of<typename Cfg::shift_t>::type shifts[Cfg::CHANNELS];
  for (int c = 0; c < Cfg::CHANNELS; ++c) {
    multipliers[c] = check::random_of<typename Cfg::multiplier_t>();
    offsets[c] = check::random_of<typename Cfg::offset_t>();
    shifts[c] = check::random_of<typename Cfg::shift_t>();
  }
  drive<Cfg>(
      "multiply_shift", check::least<typename Cfg::in_t>(), check::greatest<typename Cfg::in_t>(),
      [&](hls::stream<check::lanes<typename Cfg::in_t, Cfg::PE> >& in,
          hls::stream<check::lanes<typename Cfg::out_t, Cfg::PE> >& out) {
        isobit::multiply_shift<Cfg>(in, out, check::in_rows<Cfg, typename Cfg::multiplier_t>(multipliers).rows,
                                    check::in_rows<Cfg, typename Cfg::offset_t>(offsets).rows,
                                    check::in_rows<Cfg, typename Cfg::shift_t>(shifts).rows);
      },
      [&](int c, long long a) {
        const long long sum = static_cast<long long>(multipliers[c]) * a + offsets[c];
        const long long step = 1LL << static_cast<int>(shifts[c]);
        long long y = sum / step;
        if (sum % step < 0) --y;
        if (Cfg::CLAMP && y < Cfg::LO) y = Cfg::LO;
        if (Cfg::CLAMP && y > Cfg::HI) y = Cfg::HI;
        return y;
      });
}

template <class Shape, int LO_, int SIZE_>
struct lookup_config : Shape {
  static const int LO = LO_, SIZE = SIZE_;
};

template <class Cfg>
void run_lookup() {
  isobit::channel_tables<Cfg, typename Cfg::out_t, Cfg::SIZE> table;
  typedef check::in_rows<Cfg, typename Cfg::out_t> rows;
  for (int c = 0; c < Cfg::CHANNELS; ++c)
    for (int i = 0; i < Cfg::SIZE; ++i) rows::at(table, c)[i] = check::random_of<typename Cfg::out_t>();
  drive<Cfg>(
      "lookup", Cfg::LO, Cfg::LO + Cfg::SIZE - 1,
      [&](hls::stream<check::lanes<typename Cfg::in_t, Cfg::PE> >& in,
          hls::stream<check::lanes<typename Cfg::out_t, Cfg::PE> >& out) { isobit::lookup<Cfg>(in, out, table); },
      [&](int c, long long a) { return static_cast<long long>(rows::at(table, c)[a - Cfg::LO]); });
}

int main() {
#include "cases.inc"
  return check::summary();
}
