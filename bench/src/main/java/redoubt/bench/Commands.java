package redoubt.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Runs other people's programs to their end. */
final class Commands {

    /** The directory of this machine's programs that a user's PATH may leave out. */
    private static final List<String> FURTHER_PLACES = List.of("/usr/local/sbin", "/usr/sbin", "/sbin");

    private Commands() {}

    /** Whether there is such a program. */
    static boolean exists(String program) {
        String path = System.getenv().getOrDefault("PATH", "") + ":" + String.join(":", FURTHER_PLACES);
        for (String place : path.split(":", -1)) {
            if (!place.isEmpty() && Files.isExecutable(Path.of(place, program))) {
                return true;
            }
        }
        return false;
    }

    /** Runs a program and answers what it printed on its standard output; what it says on the other goes to a file. */
    static String run(List<String> words, Map<String, String> environment, Path errors, long limitSeconds)
            throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(words).redirectError(errors.toFile());
        builder.environment().putAll(environment);
        Process process = builder.start();
        process.getOutputStream().close();
        // The output of every program here fits the pipe or is read as it comes; what hangs is ended from another
        // thread.
        Thread limit = Thread.ofPlatform().daemon().start(() -> end(process, limitSeconds));
        String output = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        int status = process.waitFor();
        limit.interrupt();
        if (status != 0) {
            throw new IOException("exit status " + status + " of: " + String.join(" ", words) + "\n" + output
                    + Files.readString(errors));
        }
        return output;
    }

    private static void end(Process process, long limitSeconds) {
        try {
            if (!process.waitFor(limitSeconds, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException inTime) {
            Thread.currentThread().interrupt();
        }
    }
}
