package redoubt.bench;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;

/**
 * What to measure, for how long, and where the result goes.
 *
 * @param rounds how often each workload is run against each server, interleaved
 * @param seconds of each run
 * @param warmSeconds of each run before the first round, which is not counted; 0 for none
 * @param sizeBytes what each server serves
 * @param servers those whose id begins with one of these; all if empty
 * @param workloads the same
 * @param directory on tmpfs, where a directory for members is made
 * @param record whether the result is appended to docs/benchmarks.md
 * @param note why this was measured, one line
 */
record WholePathOptions(
        int rounds,
        double seconds,
        double warmSeconds,
        long sizeBytes,
        List<String> servers,
        List<String> workloads,
        Path directory,
        boolean record,
        String note) {

    static final String USAGE = """
            usage: ./build bench [OPTION...]        the whole path, beside the peers
                   ./build bench micro [WORD...]    micro-benchmarks; words go to JMH
              --rounds N           interleaved rounds (5)
              --seconds S          of each run (3)
              --warm S             of each run before the first round, not counted (2)
              --size MIB           what each server serves (512)
              --servers A,B,...    only those whose name begins so
              --workloads A,B,...  only those whose name begins so
              --dir DIR            a tmpfs (/dev/shm)
              --note TEXT          why this was measured, for the record
              --no-record          print only; otherwise the result is appended to docs/benchmarks.md
              --quick              one round of one second, not warmed and not recorded: to see that everything runs
              --list               what there is to choose from
            """;

    /** Somebody asked for what does not exist. */
    static final class Misunderstood extends Exception {
        private static final long serialVersionUID = 1;

        Misunderstood(String message) {
            super(message);
        }
    }

    static WholePathOptions parse(String[] words) throws Misunderstood {
        WholePathOptions options =
                new WholePathOptions(5, 3, 2, 512L << 20, List.of(), List.of(), Path.of("/dev/shm"), true, "");
        for (int i = 0; i < words.length; i++) {
            String word = words[i];
            switch (word) {
                case "--quick" ->
                    options = new WholePathOptions(
                            1,
                            1,
                            0,
                            options.sizeBytes,
                            options.servers,
                            options.workloads,
                            options.directory,
                            false,
                            options.note);
                case "--no-record" ->
                    options = options.with(options.rounds, options.seconds, options.warmSeconds, false);
                case "--rounds", "--seconds", "--warm", "--size", "--servers", "--workloads", "--dir", "--note" -> {
                    if (++i == words.length) {
                        throw new Misunderstood(word + " needs a value");
                    }
                    options = options.with(word, words[i]);
                }
                default -> throw new Misunderstood("there is no option " + word);
            }
        }
        if (options.rounds < 1 || options.seconds <= 0 || options.warmSeconds < 0 || options.sizeBytes < 64 << 20) {
            throw new Misunderstood("at least one round, some time and 64 MiB are needed");
        }
        return options;
    }

    private WholePathOptions with(String option, String value) throws Misunderstood {
        try {
            return switch (option) {
                case "--rounds" -> with(Integer.parseInt(value), seconds, warmSeconds, record);
                case "--seconds" -> with(rounds, Double.parseDouble(value), warmSeconds, record);
                case "--warm" -> with(rounds, seconds, Double.parseDouble(value), record);
                case "--size" -> with(Long.parseLong(value) << 20, servers, workloads, directory, note);
                case "--servers" -> with(sizeBytes, List.of(value.split(",", -1)), workloads, directory, note);
                case "--workloads" -> with(sizeBytes, servers, List.of(value.split(",", -1)), directory, note);
                case "--dir" -> with(sizeBytes, servers, workloads, Path.of(value), note);
                default -> with(sizeBytes, servers, workloads, directory, value);
            };
        } catch (NumberFormatException noNumber) {
            throw new Misunderstood(option + " needs a number, not " + value);
        }
    }

    private WholePathOptions with(int newRounds, double newSeconds, double newWarm, boolean newRecord) {
        return new WholePathOptions(
                newRounds, newSeconds, newWarm, sizeBytes, servers, workloads, directory, newRecord, note);
    }

    private WholePathOptions with(
            long newSize, List<String> newServers, List<String> newWorkloads, Path newDirectory, String newNote) {
        return new WholePathOptions(
                rounds, seconds, warmSeconds, newSize, newServers, newWorkloads, newDirectory, record, newNote);
    }

    /** Those of {@code all} that are wanted. */
    static <T> List<T> chosen(List<T> all, List<String> wanted, Function<T, String> id) throws Misunderstood {
        for (String start : wanted) {
            if (all.stream().noneMatch(one -> id.apply(one).startsWith(start))) {
                throw new Misunderstood("nothing here is named " + start + "; see --list");
            }
        }
        return all.stream()
                .filter(one -> wanted.isEmpty() || wanted.stream().anyMatch(id.apply(one)::startsWith))
                .toList();
    }
}
