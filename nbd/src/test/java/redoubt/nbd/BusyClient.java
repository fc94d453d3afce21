package redoubt.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * A process of its own that reads and writes as fast as it is let, with many requests in flight, until it is killed. It answers for nothing:
 * half of what comes back it leaves lying.
 */
final class BusyClient {

    private static final int CONNECTIONS = 4;
    private static final int BURST = 64;

    private BusyClient() {}

    /**
     * Is busy.
     *
     * @param words the socket
     */
    public static void main(String[] words) throws IOException {
        RawClient[] clients = new RawClient[CONNECTIONS];
        for (int i = 0; i < CONNECTIONS; i++) {
            clients[i] = i % 2 == 0 ? RawClient.simple(Path.of(words[0])) : RawClient.structured(Path.of(words[0]));
            clients[i].channel.configureBlocking(false);
        }
        ByteBuffer burst = ByteBuffer.allocate(1 << 20);
        ByteBuffer answers = ByteBuffer.allocate(1 << 18);
        for (int round = 0; true; round++) {
            burst.clear();
            for (int i = 0; i < BURST; i++) {
                long cookie = (long) round << 32 | i;
                int bytes = i % 16 == 0 ? 128 << 10 : 4096;
                if (i % 2 == 0) {
                    burst.put(RawClient.header(Wire.CMD_READ, 0, cookie, 4096L * i, bytes));
                } else {
                    burst.put(RawClient.header(Wire.CMD_WRITE, i % 3 == 0 ? 1 : 0, cookie, 4096L * i, 4096));
                    burst.put(new byte[4096]);
                }
            }
            burst.flip();
            for (RawClient client : clients) {
                ByteBuffer mine = burst.duplicate();
                while (mine.hasRemaining()) {
                    client.channel.write(mine);
                    // Not all of it, so that replies pile up.
                    client.channel.read(answers.clear().limit(100_000));
                }
            }
        }
    }
}
