package io.lanewise.generate;

import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Map;

/**
 * What a Hugging Face folder says about the two ends of a text: the tokens that its post-processor puts in front and
 * behind, and the ids with which its configurations begin and end a generation.
 *
 * @param front    the token put in front, or null
 * @param behind   the token put behind, or null
 * @param bosId    begin of sequence of the configurations, or -1
 * @param eosIds   ends of sequence of the configurations
 */
record HuggingFaceEnds(String front, String behind, int bosId, List<Integer> eosIds) {

    static HuggingFaceEnds read(JsonFile json, Path folder, Map<String, Object> postProcessor) {
        String[] around = new String[2];
        for (Map<String, Object> step : HuggingFaceRules.flat(postProcessor, "processors")) {
            switch (String.valueOf(step.get("type"))) {
                case "ByteLevel" -> {
                }
                case "TemplateProcessing" -> readTemplate(json, step, around);
                case "BertProcessing", "RobertaProcessing" -> {
                    around[0] = first(step.get("cls"));
                    around[1] = first(step.get("sep"));
                }
                default -> throw json.problem("post_processor: " + step.get("type") + " is not supported");
            }
        }
        Map<String, Object> generation = JsonFile.objectIn(folder.resolve("generation_config.json"));
        Map<String, Object> config = JsonFile.objectIn(folder.resolve("config.json"));
        List<Integer> eos = ids(generation.get("eos_token_id"));
        List<Integer> bos = ids(config.get("bos_token_id"));
        return new HuggingFaceEnds(around[0], around[1], bos.isEmpty() ? -1 : bos.getFirst(),
                eos.isEmpty() ? ids(config.get("eos_token_id")) : eos);
    }

    private static void readTemplate(JsonFile json, Map<String, Object> step, String[] around) {
        boolean behindText = false;
        for (Object piece : step.get("single") instanceof List<?> list ? list : List.of()) {
            Map<?, ?> map = piece instanceof Map<?, ?> object ? object : Map.of();
            if (map.get("SpecialToken") instanceof Map<?, ?> special) {
                int place = behindText ? 1 : 0;
                if (around[place] != null) {
                    throw json.problem("post_processor: more than one token in front of or behind a text is not "
                            + "supported");
                }
                around[place] = String.valueOf(special.get("id"));
            } else {
                behindText = true;
            }
        }
    }

    private static String first(Object pair) {
        return pair instanceof List<?> list && !list.isEmpty() && list.getFirst() instanceof String text ? text : null;
    }

    /** One id or a list of them. */
    private static List<Integer> ids(Object value) {
        if (value instanceof List<?> list) {
            return list.stream().filter(Double.class::isInstance).map(id -> ((Double) id).intValue()).toList();
        }
        return value instanceof Double id ? List.of(id.intValue()) : List.of();
    }

    int eosId() {
        return eosIds.isEmpty() ? -1 : eosIds.getFirst();
    }

    /** All ends as a set of ids below {@code vocabSize}. */
    BitSet all(int vocabSize) {
        BitSet ends = new BitSet();
        eosIds.stream().filter(id -> id >= 0 && id < vocabSize).forEach(ends::set);
        return ends;
    }
}
