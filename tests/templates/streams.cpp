// AXI edges, width conversion, fork, add and selection against plain loops.
#include "check.hpp"
#include "isobit/add.hpp"
#include "isobit/argmax.hpp"
#include "isobit/fork.hpp"
#include "isobit/stream_io.hpp"
#include "isobit/width_converter.hpp"

template <int FRAME_, int LANES_, int ELEM_, class E>
struct port_config {
  static const int FRAME = FRAME_, LANES = LANES_, ELEM = ELEM_, WORD = LANES_ * ELEM_, ROW = FRAME_;
  typedef E elem_t;
};

// One byte of an element's container: two's complement or zero-extended.
inline int container_byte(long long element, int byte) { return static_cast<int>(element >> (8 * byte)) & 255; }

// Out to AXI and in again, TLAST on some frames only, every byte of every word looked at.
template <class Cfg>
void run_port() {
  ++check::configurations;
  typedef ap_axiu<Cfg::WORD, 0, 0, 0> beat_t;
  static const int BYTES = Cfg::ELEM / 8;
  hls::stream<check::lanes<typename Cfg::elem_t, Cfg::LANES> > source("source"), sink("sink");
  hls::stream<ap_uint<1> > last_in("last_in"), last_out("last_out");
  hls::stream<beat_t> axis("axis"), looked_at("looked_at");
  for (int f = 0; f < 4; ++f) {
    const int ends_batch = f == 1 || f == 3;
    long long frame[Cfg::FRAME];
    for (int i = 0; i < Cfg::FRAME; ++i) frame[i] = check::random_of<typename Cfg::elem_t>();
    check::send(source, frame, Cfg::FRAME);
    last_in.write(ends_batch);
    isobit::write_frame<Cfg>(source, last_in, axis);
    for (int w = 0; w < Cfg::FRAME / Cfg::LANES; ++w) {
      const beat_t beat = axis.read();
      check::equal("tlast", f, w, ends_batch && w == Cfg::FRAME / Cfg::LANES - 1, beat.last.to_int());
      for (int b = 0; b < Cfg::LANES * BYTES; ++b) {
        const ap_uint<8> byte = beat.data.range(8 * b + 7, 8 * b);
        check::equal("byte", f, w, container_byte(frame[w * Cfg::LANES + b / BYTES], b % BYTES), byte.to_int());
        const ap_uint<1> keep = beat.keep.range(b, b), strb = beat.strb.range(b, b);
        check::equal("keep", f, w, 1, keep.to_int());
        check::equal("strb", f, w, 1, strb.to_int());
      }
      looked_at.write(beat);
    }
    isobit::read_frame<Cfg>(looked_at, sink, last_out);
    check::equal("last", f, 0, ends_batch, last_out.read().to_int());
    check::receive("frame", f, sink, frame, Cfg::FRAME);
  }
}

template <int FRAME_, int IN_LANES_, int OUT_LANES_>
struct regroup_config {
  static const int FRAME = FRAME_, ROW = FRAME_, CHANNELS = 1, IN_LANES = IN_LANES_, OUT_LANES = OUT_LANES_;
  typedef ap_int<9> elem_t;
};

template <class Cfg>
void run_width_converter() {
  ++check::configurations;
  hls::stream<check::lanes<ap_int<9>, Cfg::IN_LANES> > in("in");
  hls::stream<check::lanes<ap_int<9>, Cfg::OUT_LANES> > out("out");
  long long frame[2][Cfg::FRAME];
  for (int f = 0; f < 2; ++f) {
    for (int i = 0; i < Cfg::FRAME; ++i) frame[f][i] = check::random_of<ap_int<9> >();
    check::send(in, frame[f], Cfg::FRAME);
  }
  for (int f = 0; f < 2; ++f) {
    isobit::width_converter<Cfg>(in, out);
    check::receive("width_converter", f, out, frame[f], Cfg::FRAME);
  }
}

template <int WORDS_, int LANES_>
struct fork_config {
  static const int WORDS = WORDS_, LANES = LANES_;
  typedef ap_uint<3> elem_t;
};

template <class Cfg>
void run_fork() {
  ++check::configurations;
  static const int SIZE = Cfg::WORDS * Cfg::LANES;
  hls::stream<check::lanes<ap_uint<3>, Cfg::LANES> > in("in"), a("a"), b("b");
  long long frame[SIZE];
  for (int i = 0; i < SIZE; ++i) frame[i] = check::random_of<ap_uint<3> >();
  check::send(in, frame, SIZE);
  isobit::fork<Cfg>(in, a, b);
  check::receive("fork a", 0, a, frame, SIZE);
  check::receive("fork b", 0, b, frame, SIZE);
}

template <int CHANNELS_, int PE_, int FOLDS_, class A, class B, class KA, class KB, class Y>
struct add_config {
  static const int CHANNELS = CHANNELS_, PE = PE_, FOLDS = FOLDS_;
  typedef A a_t;
  typedef B b_t;
  typedef KA ka_t;
  typedef KB kb_t;
  typedef Y out_t;
};

template <class Cfg>
void run_add() {
  ++check::configurations;
  static const int SIZE = Cfg::FOLDS * Cfg::PE;
  typename check::rom_of<typename Cfg::ka_t>::type ka[Cfg::CHANNELS];
  typename check::rom_of<typename Cfg::kb_t>::type kb[Cfg::CHANNELS];
  for (int c = 0; c < Cfg::CHANNELS; ++c) {
    ka[c] = check::random_of<typename Cfg::ka_t>();
    kb[c] = check::random_of<typename Cfg::kb_t>();
  }
  hls::stream<check::lanes<typename Cfg::a_t, Cfg::PE> > in_a("a");
  hls::stream<check::lanes<typename Cfg::b_t, Cfg::PE> > in_b("b");
  hls::stream<check::lanes<typename Cfg::out_t, Cfg::PE> > out("out");
  for (int f = 0; f < 3; ++f) {
    long long a[SIZE], b[SIZE], y[SIZE];
    for (int i = 0; i < SIZE; ++i) {
      a[i] = check::random_of<typename Cfg::a_t>();
      b[i] = check::random_of<typename Cfg::b_t>();
      y[i] = ka[i % Cfg::CHANNELS] * a[i] + kb[i % Cfg::CHANNELS] * b[i];
    }
    check::send(in_a, a, SIZE);
    check::send(in_b, b, SIZE);
    isobit::add<Cfg>(in_a, in_b, out, check::in_rows<Cfg, typename Cfg::ka_t>(ka).rows,
                     check::in_rows<Cfg, typename Cfg::kb_t>(kb).rows);
    check::receive("add", f, out, y, SIZE);
  }
}

template <int FRAME_, int LANES_, int VECTORS_, int K_, class E>
struct select_config {
  static const int FRAME = FRAME_, LANES = LANES_, VECTORS = VECTORS_, K = K_;
  typedef E in_t;
  typedef ap_uint<4> index_t;
};

// The indices of the `count` largest of `size` elements: largest first, among equals the lower index first.
inline void rank(const long long* x, int size, int count, long long* order) {
  bool taken[16] = {};
  for (int k = 0; k < count; ++k) {
    int first = -1;
    for (int i = size - 1; i >= 0; --i)
      if (!taken[i] && (first < 0 || x[i] >= x[first])) first = i;
    taken[first] = true;
    order[k] = first;
  }
}

// Values of few bits, so that ties are frequent.
template <class Cfg>
void run_select() {
  ++check::configurations;
  static const int SIZE = Cfg::VECTORS * Cfg::FRAME;
  hls::stream<check::lanes<typename Cfg::in_t, Cfg::LANES> > in("in");
  static const int SAMPLES = isobit::max_of(Cfg::LANES / Cfg::FRAME, 1);
  hls::stream<check::lanes<ap_uint<4>, SAMPLES> > best("best");
  hls::stream<check::lanes<ap_uint<4>, Cfg::K * SAMPLES> > ranked("ranked");
  for (int f = 0; f < 20; ++f) {
    long long x[SIZE], first[Cfg::VECTORS], order[Cfg::VECTORS * Cfg::K];
    for (int i = 0; i < SIZE; ++i) x[i] = check::random_of<typename Cfg::in_t>();
    for (int v = 0; v < Cfg::VECTORS; ++v) {
      rank(x + v * Cfg::FRAME, Cfg::FRAME, Cfg::K, order + v * Cfg::K);
      first[v] = order[v * Cfg::K];
    }
    check::send(in, x, SIZE);
    isobit::argmax<Cfg>(in, best);
    check::receive("argmax", f, best, first, Cfg::VECTORS);
    check::send(in, x, SIZE);
    isobit::top_k<Cfg>(in, ranked);
    check::receive("top_k", f, ranked, order, Cfg::VECTORS * Cfg::K);
  }
}

int main() {
#include "cases.inc"
  return check::summary();
}
