package io.lanewise.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.lanewise.SharedData;
import io.lanewise.format.FormatException;
import io.lanewise.tokenizer.Tokenizer;
import io.lanewise.tokenizer.TokenType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** tokenizer.json files: real and small ones are read, those that ask for what is not handled are refused by name. */
class HuggingFaceTokenizerFileTest {
    private static final String BYTE_LEVEL = "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true}";
    private static final String GPT2 = """
            {"added_tokens":[{"id":4,"content":"<s>","special":true},{"id":5,"content":"<think>","special":false,
              "rstrip":true},{"id":9,"content":"</s>","special":true}],
             "normalizer":null,"pre_tokenizer":%s,"decoder":{"type":"ByteLevel"},"post_processor":%s,
             "model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"Ġ":3},"merges":%s}}""";
    private static final String LLAMA = """
            {"added_tokens":[{"id":0,"content":"<unk>","special":true},{"id":1,"content":"<s>","special":true}],
             "normalizer":%s,"pre_tokenizer":%s,
             "decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},
               {"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},
             "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},
               {"Sequence":{"id":"A","type_id":0}}]},
             "model":{"type":"BPE","unk_token":"<unk>","byte_fallback":true,"vocab":{"<unk>":0,"<s>":1,"<0x41>":2,
               "▁":3,"a":4,"b":5,"ab":6,"▁a":7,"▁ab":8,"ba":9},"merges":["a b","▁ a","▁ ab"]}}""";
    private static final String LLAMA_NORMALIZER = "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\","
            + "\"prepend\":\"▁\"},{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"▁\"}]}";

    @TempDir
    private Path folder;

    private Tokenizer tokenizer(String json) throws IOException {
        Files.writeString(folder.resolve("tokenizer.json"), json);
        return HuggingFaceTokenizerFile.tokenizer(folder);
    }

    private void refused(String json, String... message) {
        assertThatExceptionOfType(FormatException.class).isThrownBy(() -> tokenizer(json))
                .satisfies(e -> assertThat(e.getMessage()).contains("tokenizer.json").contains(message));
    }

    @Test
    void byteLevelModelsComeWithTheirAddedTokens() throws IOException {
        Tokenizer tokenizer = tokenizer(GPT2.formatted(BYTE_LEVEL, "null", "[\"a b\"]"));
        assertThat(tokenizer.encode("ab<think> a<s>", true, true)).containsExactly(2, 5, 0, 4);
        assertThat(tokenizer.type(4)).isEqualTo(TokenType.CONTROL);
        assertThat(tokenizer.type(5)).isEqualTo(TokenType.USER_DEFINED);
        assertThat(tokenizer.type(7)).isEqualTo(TokenType.UNUSED);
        assertThat(tokenizer.vocabSize()).isEqualTo(10);
    }

    @Test
    void mergesMayBePairs() throws IOException {
        Tokenizer tokenizer = tokenizer(GPT2.formatted(BYTE_LEVEL, "null", "[[\"a\",\"b\"]]"));
        assertThat(tokenizer.encode("ab", true, true)).containsExactly(2);
    }

    @Test
    void configurationsNameTheEnds() throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"),
                "{\"bos_token\":{\"content\":\"<s>\"},\"eos_token\":\"</s>\",\"add_bos_token\":true}");
        Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\":[9,5]}");
        Tokenizer tokenizer = tokenizer(GPT2.formatted(BYTE_LEVEL, "null", "[]"));
        assertThat(tokenizer.bos()).isEqualTo(4);
        assertThat(tokenizer.eos()).isEqualTo(9);
        assertThat(tokenizer.isEndOfGeneration(5)).isTrue();
        assertThat(tokenizer.encode("a", true, false)).containsExactly(4, 0);
    }

    @Test
    void theTemplateSaysWhatGoesInFrontAndBehind() throws IOException {
        String template = "{\"type\":\"Sequence\",\"processors\":[{\"type\":\"ByteLevel\"},{\"type\":\"TemplateProcessing\","
                + "\"single\":[{\"SpecialToken\":{\"id\":\"<s>\"}},{\"Sequence\":{\"id\":\"A\"}},"
                + "{\"SpecialToken\":{\"id\":\"</s>\"}}]}]}";
        assertThat(tokenizer(GPT2.formatted(BYTE_LEVEL, template, "[]")).encode("a", true, false))
                .containsExactly(4, 0, 9);
    }

    @Test
    void llamaModelsMergeByRankAndFallBackToBytes() throws IOException {
        Tokenizer tokenizer = tokenizer(LLAMA.formatted(LLAMA_NORMALIZER, "null"));
        // No merge gives "ba", so that it never joins.
        assertThat(tokenizer.encode("ab baA", true, false)).containsExactly(1, 8, 3, 5, 4, 2);
        assertThat(tokenizer.decode(tokenizer.encode("ab baA", true, false))).isEqualTo("ab baA");
        assertThat(tokenizer.encode("a<s>a", false, true)).containsExactly(7, 1, 7);
        String metaspace = "{\"type\":\"Metaspace\",\"replacement\":\"▁\",\"prepend_scheme\":\"%s\",\"split\":false}";
        assertThat(tokenizer(LLAMA.formatted("null", metaspace.formatted("first"))).encode("a<s>a", false, true))
                .containsExactly(7, 1, 4);
        assertThat(tokenizer(LLAMA.formatted("null", metaspace.formatted("never"))).encode("a<s>a", false, true))
                .containsExactly(4, 1, 4);
    }

    @Test
    void wordPieceModelsAreReadAsBertsAre() throws IOException {
        Tokenizer tokenizer = tokenizer("""
                {"added_tokens":[{"id":0,"content":"[UNK]","special":true},{"id":1,"content":"[CLS]","special":true},
                   {"id":2,"content":"[SEP]","special":true}],
                 "normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,
                   "strip_accents":null,"lowercase":true},"pre_tokenizer":{"type":"BertPreTokenizer"},
                 "post_processor":{"type":"BertProcessing","sep":["[SEP]",2],"cls":["[CLS]",1]},
                 "decoder":{"type":"WordPiece","prefix":"##"},
                 "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##",
                   "vocab":{"[UNK]":0,"[CLS]":1,"[SEP]":2,"un":3,"##able":4,"!":5}}}""");
        assertThat(tokenizer.encode("Unable! no", true, false)).containsExactly(1, 3, 4, 5, 0, 2);
    }

    @Test
    void whatIsNotHandledIsRefusedByName() {
        refused(GPT2.formatted("{\"type\":\"Whitespace\"}", "null", "[]"), "pre_tokenizer", "Whitespace");
        refused(GPT2.formatted("null", "null", "[]"), "this kind of BPE", "normalizer");
        refused(GPT2.formatted("{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":"
                + "\"x+\"},\"behavior\":\"Isolated\"}," + BYTE_LEVEL + "]}", "null", "[]"), "pre_tokenizer", "x+", "qwen2");
        refused(GPT2.formatted(BYTE_LEVEL.replace("false", "true"), "null", "[]"), "add_prefix_space");
        refused(GPT2.formatted(BYTE_LEVEL, "{\"type\":\"Magic\"}", "[]"), "post_processor", "Magic");
        refused(GPT2.formatted(BYTE_LEVEL, "null", "[]").replace("\"normalizer\":null",
                "\"normalizer\":{\"type\":\"Lowercase\"}"), "normalizer", "Lowercase");
        refused(GPT2.formatted(BYTE_LEVEL, "null", "[]").replace("{\"type\":\"ByteLevel\"}", "{\"type\":\"CTC\"}"),
                "decoder", "CTC");
        refused(LLAMA.formatted("{\"type\":\"NFKC\"}", "null"), "normalizer", "NFKC");
        refused("{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",-1.5]]}}", "model.type Unigram");
        refused("{\"model\":{\"type\":\"BPE\",\"end_of_word_suffix\":\"</w>\",\"vocab\":{},\"merges\":[]}}",
                "end_of_word_suffix");
    }

    @Test
    void damageIsRefusedWithItsPlace() {
        refused("", "ends too early");
        refused("[]", "not a JSON object");
        refused("{}", "has no model");
        refused("{\"model\":{\"vocab\":{\"a\":1,\"b\":1}}}", "same id 1");
        refused("{\"model\":{\"vocab\":{\"a\":2000000000}}}", "2000000000");
        refused("{\"model\":{\"vocab\":{\"a\":-1}}}", "-1");
        refused("{\"model\":{\"vocab\":{\"a\":99999999999}}}", "too large");
        refused("{\"model\":{\"vocab\":{\"a\":\"x\"}}}", "whole number");
        refused("{\"model\":{\"vocab\":[", "ends too early");
        refused(GPT2.formatted(BYTE_LEVEL, "null", "[3]"), "model.merges[0]");
        refused(GPT2.formatted(BYTE_LEVEL, "null", "[[\"a\",\"b\",\"c\"]]"), "model.merges[0]");
        refused(GPT2.formatted(BYTE_LEVEL, "null", "[\"a x\"]"), "merges[0]", "right part");
        refused("[".repeat(5000), "tokenizer.json");
        refused("{\"a\":" + "[".repeat(5000), "not valid JSON");
        assertThatExceptionOfType(FormatException.class)
                .isThrownBy(() -> HuggingFaceTokenizerFile.read(folder.resolve("nowhere"))).withMessageContaining("missing");
    }

    @Test
    void mutatedFilesAreRefusedOrRead() {
        Random random = new Random(9);
        String[] good = {GPT2.formatted(BYTE_LEVEL, "null", "[[\"a\",\"b\"]]"), LLAMA.formatted(LLAMA_NORMALIZER, "null")};
        for (int i = 0; i < 4_000; i++) {
            StringBuilder json = new StringBuilder(good[i % 2]);
            for (int n = 1 + random.nextInt(3); n > 0; n--) {
                int at = random.nextInt(json.length());
                switch (random.nextInt(3)) {
                    case 0 -> json.setCharAt(at, "{}[]\",:0a9".charAt(random.nextInt(10)));
                    case 1 -> json.deleteCharAt(at);
                    default -> json.insert(at, json.substring(random.nextInt(at + 1), at));
                }
            }
            try {
                tokenizer(json.toString()).encode("ab <s>", true, true);
            } catch (FormatException refusal) {
                assertThat(refusal.getMessage()).contains("tokenizer.json");
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }
    }

    @Test
    void qwenIsReadWhole() {
        Tokenizer tokenizer = HuggingFaceTokenizerFile.tokenizer(SharedData.require("tokenizers/qwen3"));
        assertThat(tokenizer.vocabSize()).isEqualTo(151_669);
        assertThat(tokenizer.token(tokenizer.eos())).isEqualTo("<|im_end|>");
        assertThat(tokenizer.vocabulary().pre()).isEqualTo("qwen2");
        int[] ids = tokenizer.encode("<|im_start|>user\nHi<|im_end|>\n<think>", true, true);
        assertThat(ids).contains(151_644, 151_645, 151_667).doesNotContain(-1);
        assertThat(tokenizer.decode(ids, true)).isEqualTo("<|im_start|>user\nHi<|im_end|>\n<think>");
        assertThat(tokenizer.encode("e\u0301", false, false)).isEqualTo(tokenizer.encode("é", false, false));
    }
}
