// Maximum-likelihood decoding of maps of letters: for every pixel the likelihood of each word.
//
// Words come sorted, so that one shares the product over its first digits with the word before
// it: few products are new. A strip of pixels goes through the words side by side, so that the
// time depends on the number of words, not on what the maps hold.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "../segmentation/shared.h"

namespace neuropil {

constexpr size_t kPixels = 64;            // of a strip
constexpr size_t kStrips = 256;           // of a task
struct alignas(64) Strip {
  float at[kPixels];
};

struct Code {
  const uint8_t* words;  // (count, length), sorted, letters 0 to channels - 1
  const uint64_t* names;
  size_t count, length, channels;

  // How many of its first digits each word shares with the word before it, at most all but one.
  std::vector<uint8_t> shared() const {
    std::vector<uint8_t> digits(count, 0);
    for (size_t w = 1; w < count; ++w) {
      const uint8_t* word = words + w * length;
      digits[w] = std::mismatch(word, word + length - 1, word - length).first - word;
    }
    return digits;
  }
};

// planes[channel][pixel] from bytes[pixel][channel], eight pixels at a time: compilers make
// something slower of a plain loop.
inline void transpose(const uint8_t* bytes, size_t channels, uint8_t* planes) {
  for (size_t c = 0; c < channels; ++c, ++bytes) {
    const uint8_t* from = bytes;
    for (size_t i = 0; i < kPixels; i += 8, from += 8 * channels, planes += 8) {
      uint64_t eight = 0;
      for (size_t n = 0; n < 8; ++n) eight |= uint64_t{from[n * channels]} << 8 * n;
      std::memcpy(planes, &eight, 8);
    }
  }
}

// Scaled so, a product of 24 probabilities is neither too large nor too small for a float.
NEUROPIL_VECTORS static void probabilities(const uint8_t* bytes, size_t count, float* out) {
  for (size_t i = 0; i < count; ++i) out[i] = (bytes[i] + 0.5f) / 16;
}

// Likelihood of a word without an owner: each of its letters is as probable as the others.
NEUROPIL_VECTORS static void weigh_stranger(const Strip* chances, size_t length, size_t channels,
                                            Strip& likelihood) {
  const float letters = static_cast<float>(channels - 1);
  std::fill_n(likelihood.at, kPixels, 1.0f);
  for (size_t j = 0; j < length; ++j, chances += channels) {
    Strip sum = {};
    for (size_t c = 1; c < channels; ++c) {
      for (size_t i = 0; i < kPixels; ++i) sum.at[i] += chances[c].at[i];
    }
    for (size_t i = 0; i < kPixels; ++i) likelihood.at[i] *= sum.at[i] / letters;
  }
}

struct Verdict {
  Strip total, best;  // likelihoods: of all words together, of the likeliest
  alignas(64) int32_t winner[kPixels];
};

// Adds every word to the verdict. products[j] is the product over the first j digits.
NEUROPIL_VECTORS static void weigh_words(const Code& code, const uint8_t* shared,
                                         const Strip* chances, Strip* products,
                                         Verdict& verdict) {
  const uint8_t* word = code.words;
  const size_t last = code.length - 1, count = code.count, channels = code.channels;
  Verdict v = verdict;
  for (size_t w = 0; w < count; ++w, word += last + 1) {
    for (size_t j = shared[w]; j < last; ++j) {
      const Strip &before = products[j], &chance = chances[j * channels + word[j]];
      Strip& after = products[j + 1];
      for (size_t i = 0; i < kPixels; ++i) after.at[i] = before.at[i] * chance.at[i];
    }
    const Strip &before = products[last], &chance = chances[last * channels + word[last]];
    const auto number = static_cast<int32_t>(w);
    for (size_t i = 0; i < kPixels; ++i) {
      const float likelihood = before.at[i] * chance.at[i];
      v.total.at[i] += likelihood;
      v.winner[i] = likelihood > v.best.at[i] ? number : v.winner[i];
      v.best.at[i] = likelihood > v.best.at[i] ? likelihood : v.best.at[i];
    }
  }
  verdict = v;
}

// The decoder of one thread.
struct Decoder {
  explicit Decoder(const Code& code)
      : code(code),
        shared(code.shared()),
        bytes(kPixels * code.channels),
        planes(kPixels * code.channels),
        chances(code.length * code.channels),
        products(code.length) {
    std::fill_n(products[0].at, kPixels, 1.0f);
  }

  // maps: from the first pixel of the strip on; the next digit lies `stride` bytes further.
  void weigh(const uint8_t* maps, size_t stride, size_t pixels) {
    for (size_t j = 0; j < code.length; ++j, maps += stride) {
      const uint8_t* from = maps;
      if (pixels < kPixels) {  // nothing is read beyond the end of the maps
        std::copy_n(maps, pixels * code.channels, bytes.data());
        from = bytes.data();
      }
      transpose(from, code.channels, planes.data());
      probabilities(planes.data(), planes.size(), chances[j * code.channels].at);
    }
    weigh_stranger(chances.data(), code.length, code.channels, verdict.total);
    std::fill_n(verdict.best.at, kPixels, 0.0f);
    weigh_words(code, shared.data(), chances.data(), products.data(), verdict);
  }

  Code code;
  std::vector<uint8_t> shared, bytes, planes;
  std::vector<Strip> chances, products;
  Verdict verdict;
};

// maps: (length, pixels, channels). Writes names of the likeliest words, or 0 where their
// posterior is below `least`; and posteriors in 255ths.
inline void decode(const uint8_t* maps, size_t pixels, const Code& code, float least,
                   size_t threads, uint64_t* labels, uint8_t* confidence) {
  const size_t task_size = kStrips * kPixels, tasks = (pixels + task_size - 1) / task_size;
  std::vector<Decoder> decoders(threads_for(threads, tasks), Decoder(code));
  for_each_task(tasks, threads, [&](size_t task, size_t thread) {
    Decoder& decoder = decoders[thread];
    const size_t stop = std::min(pixels, (task + 1) * task_size);
    for (size_t first = task * task_size; first < stop; first += kPixels) {
      const size_t width = std::min(kPixels, stop - first);
      decoder.weigh(maps + first * code.channels, pixels * code.channels, width);
      const Verdict& verdict = decoder.verdict;
      for (size_t i = 0; i < width; ++i) {
        const float posterior = verdict.best.at[i] / verdict.total.at[i];
        labels[first + i] = posterior < least ? 0 : code.names[verdict.winner[i]];
        confidence[first + i] = static_cast<uint8_t>(posterior * 255 + 0.5f);
      }
    }
  });
}

}  // namespace neuropil
