package io.lanewise.example;

import io.lanewise.generate.GenerationOptions;
import io.lanewise.generate.Model;
import io.lanewise.generate.Session;
import java.nio.file.Path;

public class Story {
    public static void main(String[] args) {
        try (Model model = Model.load(Path.of(args[0])); Session session = model.newSession()) {
            session.generate("Once upon a time", GenerationOptions.GREEDY.withMaxTokens(64), piece -> {
                System.out.print(piece);
                return true;
            });
        }
    }
}
