package redoubt.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Carries out workloads. */
final class Client {

    private static final int SLACK_SECONDS = 60;

    private final Path noise;
    private final Path errors;
    private final long sizeBytes;
    private final JsonMapper json = JsonMapper.builder().build();

    /**
     * Makes a client.
     *
     * @param noise what is written by nbdcopy
     * @param errors where clients' complaints go
     * @param sizeBytes how much of each server's device is used
     */
    Client(Path noise, Path errors, long sizeBytes) {
        this.noise = noise;
        this.errors = errors;
        this.sizeBytes = sizeBytes;
    }

    /** Runs a workload for about so long. */
    Sample run(Workload workload, Server server, double seconds) throws IOException, InterruptedException {
        return switch (workload) {
            case Workload.Fio fio -> fio(fio, server, seconds);
            case Workload.Nbdcopy copy -> nbdcopy(copy, server, seconds);
            case Workload.Lean lean -> lean(lean, server, seconds);
        };
    }

    /** The words that run fio; the time is given in whole seconds, as fio wants it. */
    List<String> fioWords(Workload.Fio fio, String uri, double seconds) {
        return List.of(
                "fio",
                "--name=" + fio.id(),
                "--ioengine=nbd",
                "--uri=" + uri,
                "--rw=" + fio.pattern(),
                "--bs=" + fio.blockBytes(),
                "--numjobs=" + fio.connections(),
                "--iodepth=" + fio.depth(),
                "--size=" + sizeBytes,
                "--time_based",
                "--runtime=" + Math.max(1, Math.round(seconds)),
                "--norandommap",
                "--randrepeat=0",
                "--group_reporting",
                "--output-format=json");
    }

    private Sample fio(Workload.Fio fio, Server server, double seconds) throws IOException, InterruptedException {
        double cpuBefore = server.cpuSeconds();
        String output =
                Commands.run(fioWords(fio, server.uri(), seconds), Map.of(), errors, (long) seconds + SLACK_SECONDS);
        double cpu = server.cpuSeconds() - cpuBefore;
        JsonNode job = json.readTree(output.substring(output.indexOf('{')))
                .path("jobs")
                .path(0);
        JsonNode moved = job.path(fio.pattern().endsWith("read") ? "read" : "write");
        if (job.path("error").asInt(1) != 0 || moved.path("total_ios").asLong(0) == 0) {
            throw new IOException("fio failed against " + server.plan().id() + ": " + output);
        }
        JsonNode percentiles = moved.path("clat_ns").path("percentile");
        return new Sample(
                moved.path("io_bytes").asLong(0),
                moved.path("runtime").asLong(0) / 1e3,
                moved.path("total_ios").asLong(0),
                percentiles.path("50.000000").asDouble(0) / 1e3,
                percentiles.path("99.000000").asDouble(0) / 1e3,
                cpu);
    }

    /** The words that run nbdcopy. */
    List<String> nbdcopyWords(boolean writes, String uri) {
        return writes ? List.of("nbdcopy", noise.toString(), uri) : List.of("nbdcopy", uri, "null:");
    }

    private Sample nbdcopy(Workload.Nbdcopy copy, Server server, double seconds)
            throws IOException, InterruptedException {
        double cpuBefore = server.cpuSeconds();
        long begun = System.nanoTime();
        long bytes = 0;
        double took;
        do {
            Commands.run(nbdcopyWords(copy.writes(), server.uri()), Map.of(), errors, SLACK_SECONDS);
            bytes += copy.writes() ? sizeBytes : server.sizeBytes();
            took = (System.nanoTime() - begun) / 1e9;
        } while (took < seconds);
        return new Sample(bytes, took, 0, 0, 0, server.cpuSeconds() - cpuBefore);
    }

    private Sample lean(Workload.Lean lean, Server server, double seconds) throws IOException, InterruptedException {
        List<LeanConnection> connections = new ArrayList<>();
        try {
            for (int i = 0; i < lean.connections(); i++) {
                connections.add(LeanConnection.open(server.socket()));
            }
            return lean(lean, server, connections, seconds);
        } finally {
            for (LeanConnection connection : connections) {
                connection.close();
            }
        }
    }

    private Sample lean(Workload.Lean lean, Server server, List<LeanConnection> connections, double seconds)
            throws IOException, InterruptedException {
        List<Latencies> latencies = new ArrayList<>();
        List<FutureTask<Long>> tasks = new ArrayList<>();
        double cpuBefore = server.cpuSeconds();
        long begun = System.nanoTime();
        for (LeanConnection connection : connections) {
            Latencies own = new Latencies();
            latencies.add(own);
            Callable<Long> work = () -> connection.keepBusy(
                    lean.writes() ? LeanConnection.Kind.WRITE : LeanConnection.Kind.READ,
                    lean.blockBytes(),
                    lean.depth(),
                    sizeBytes,
                    connections.indexOf(connection),
                    (long) (seconds * 1e9),
                    own);
            FutureTask<Long> task = new FutureTask<>(work);
            tasks.add(task);
            Thread.ofPlatform().name("lean-client").start(task);
        }
        long operations = 0;
        try {
            for (FutureTask<Long> task : tasks) {
                operations += task.get();
            }
        } catch (ExecutionException failed) {
            throw new IOException(
                    "the lean client failed against " + server.plan().id(), failed.getCause());
        }
        double took = (System.nanoTime() - begun) / 1e9;
        Latencies all = new Latencies();
        latencies.forEach(all::add);
        return new Sample(
                operations * lean.blockBytes(),
                took,
                operations,
                all.micros(0.5),
                all.micros(0.99),
                server.cpuSeconds() - cpuBefore);
    }
}
