using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace PgCluster.Bench.Failover;

/// <summary>A kept-open connection to PgBouncer's console that asks for no password: the least there can be between a command and its answer.</summary>
internal sealed class AdminConsole : IAsyncDisposable
{
    private readonly TcpClient _client = new() { NoDelay = true };
    private readonly byte[] _buffer = new byte[64 * 1024];

    public static async Task<AdminConsole> OpenAsync(string host, int port, CancellationToken cancellationToken)
    {
        var console = new AdminConsole();
        await console._client.ConnectAsync(host, port, cancellationToken);
        var parameters = Encoding.ASCII.GetBytes("user\0postgres\0database\0pgbouncer\0\0");
        var startup = new byte[8 + parameters.Length];
        BinaryPrimitives.WriteInt32BigEndian(startup, startup.Length);
        BinaryPrimitives.WriteInt32BigEndian(startup.AsSpan(4), 196608);
        parameters.CopyTo(startup, 8);
        await console.AskAsync(startup, "login", cancellationToken);
        return console;
    }

    /// <summary>Runs a command; returns when PgBouncer is ready for the next.</summary>
    public Task RunAsync(string command, CancellationToken cancellationToken)
    {
        var text = Encoding.ASCII.GetBytes(command);
        var query = new byte[6 + text.Length];
        query[0] = (byte)'Q';
        BinaryPrimitives.WriteInt32BigEndian(query.AsSpan(1), 5 + text.Length);
        text.CopyTo(query, 5);
        return AskAsync(query, command, cancellationToken);
    }

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task AskAsync(byte[] message, string what, CancellationToken cancellationToken)
    {
        var stream = _client.GetStream();
        await stream.WriteAsync(message, cancellationToken);
        var failed = false;
        while (true)
        {
            await stream.ReadExactlyAsync(_buffer.AsMemory(0, 5), cancellationToken);
            var type = (char)_buffer[0];
            var length = BinaryPrimitives.ReadInt32BigEndian(_buffer.AsSpan(1)) - 4;
            await stream.ReadExactlyAsync(_buffer.AsMemory(0, length), cancellationToken);
            failed |= type == 'E';
            if (type == 'Z')
            {
                break;
            }
        }

        if (failed)
        {
            throw new InvalidOperationException($"PgBouncer refused {what}");
        }
    }
}
