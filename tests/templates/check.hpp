// Shared by the template tests: plain-integer values, deterministic stimuli, comparison that names the element.
#ifndef ISOBIT_TEST_CHECK_HPP
#define ISOBIT_TEST_CHECK_HPP

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <type_traits>

#include "isobit/per_channel.hpp"
#include "isobit/rom.hpp"
#include "isobit/types.hpp"

namespace check {

using isobit::int_traits;
using isobit::lanes;
using isobit::rom_of;

static long long elements = 0;  // compared so far
static int configurations = 0;

inline uint64_t next_random() {
  static uint64_t state = 88172645463325252ULL;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

template <class T>
constexpr long long least() {
  return int_traits<T>::SIGNED ? -(1LL << (int_traits<T>::WIDTH - 1)) : 0;
}
template <class T>
constexpr long long greatest() {
  return (1LL << (int_traits<T>::WIDTH - (int_traits<T>::SIGNED ? 1 : 0))) - 1;
}

// low .. high, every fourth time one of the two ends.
inline long long random_in(long long low, long long high) {
  const uint64_t r = next_random();
  if (r % 8 == 0) return low;
  if (r % 8 == 1) return high;
  return low + static_cast<long long>((r >> 3) % static_cast<uint64_t>(high - low + 1));
}
template <class T>
long long random_of() {
  return random_in(least<T>(), greatest<T>());
}

inline void equal(const char* what, int frame, int element, long long expected, long long found) {
  ++elements;
  if (expected == found) return;
  printf("%s: configuration %d frame %d element %d: expected %lld, found %lld\n", what, configurations, frame, element,
         expected, found);
  exit(1);
}

// A frame as words of N lanes, and back.
template <class T, int N>
void send(hls::stream<lanes<T, N> >& stream, const long long* frame, int size) {
  for (int i = 0; i < size; i += N) {
    lanes<T, N> word;
    for (int l = 0; l < N; ++l) word[l] = T(frame[i + l]);
    stream.write(word);
  }
}
template <class T, int N>
void receive(const char* what, int frame, hls::stream<lanes<T, N> >& stream, const long long* expected, int size) {
  for (int i = 0; i < size; i += N) {
    const lanes<T, N> word = stream.read();
    for (int l = 0; l < N; ++l) equal(what, frame, i + l, expected[i + l], word[l].to_int64());
  }
}

// Constants as the templates take them that read a row of LANES in a clock: in words of as many as divide it.
constexpr int most_in_word(int lanes, int width, int count) {
  return count > 1 && (count * width > 64 || lanes % count != 0) ? most_in_word(lanes, width, count - 1) : count;
}
template <class T, int ROWS, int LANES, int EACH = most_in_word(LANES, int_traits<T>::WIDTH, LANES)>
struct packed_rows {
  static const int WIDTH = int_traits<T>::WIDTH;
  typedef typename isobit::packed_rom<WIDTH, int_traits<T>::SIGNED, EACH>::type word_t;
  typedef typename std::conditional<EACH == 1, typename rom_of<T>::type, word_t>::type stored_t;
  stored_t rows[ROWS][LANES / EACH];

  packed_rows() : rows() {}
  void set(int row, int lane, long long value) { put(row, lane, typename rom_of<T>::type(value)); }
  void put(int row, int lane, const typename rom_of<T>::type& value) {
    stored_t& stored = rows[row][lane / EACH];
    if (EACH == 1) {
      stored = stored_t(value);
      return;
    }
    const int spare = EACH == 1 ? 0 : 64 - WIDTH;
    const uint64_t field = static_cast<uint64_t>(value) << spare >> spare;
    stored = stored_t(static_cast<uint64_t>(stored) | field << lane % EACH * WIDTH);
  }
};
// Constants by channel as the templates take them.
template <class Cfg, class T>
struct in_rows : packed_rows<T, isobit::channel_rows<Cfg>::ROWS, isobit::channel_rows<Cfg>::LANES> {
  static const int LANES = isobit::channel_rows<Cfg>::LANES;

  explicit in_rows(const typename rom_of<T>::type (&flat)[Cfg::CHANNELS]) {
    for (int c = 0; c < Cfg::CHANNELS; ++c) this->put(c / LANES, c % LANES, flat[c]);
  }

  // The place of a channel in an array of tables.
  template <class A>
  static auto at(A& constants, int c) -> decltype((constants[0][0])) {
    return constants[c / LANES][c % LANES];
  }
};
// The weights of a matrix unit.
template <class Cfg, class T, int IN>
struct matrix_rows : packed_rows<T, Cfg::OUT / Cfg::PE * (IN / Cfg::SIMD), Cfg::PE * Cfg::SIMD> {
  void put(int o, int i, long long value) {
    this->set(o / Cfg::PE * (IN / Cfg::SIMD) + i / Cfg::SIMD, o % Cfg::PE * Cfg::SIMD + i % Cfg::SIMD, value);
  }
};

inline int summary() {
  printf("configurations %d elements %lld\n", configurations, elements);
  return 0;
}

}  // namespace check

#endif
