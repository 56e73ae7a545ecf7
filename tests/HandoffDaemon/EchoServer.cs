using System.Net.Sockets;

namespace PgCluster.Tests.HandoffDaemon;

/// <summary>Answers each line with the daemon's id and the line.</summary>
sealed class EchoServer(string id) : IDisposable
{
    readonly Lock _sync = new();
    readonly List<(Socket Listener, Task Loop)> _listeners = [];
    readonly List<Task> _connections = [];
    readonly CancellationTokenSource _draining = new();

    public void Accept(Socket listener) => _listeners.Add((listener, Task.Run(() => AcceptAsync(listener))));

    /// <summary>Stops accepting and waits for the end of what is connected; what is left at the deadline is cut.</summary>
    public async Task DrainAsync(CancellationToken deadline)
    {
        await _draining.CancelAsync();
        foreach (var (listener, loop) in _listeners)
        {
            // Not before: disposing it while an accept runs would end the listener of the successor too.
            await loop;
            listener.Dispose();
            Lines.Say("accept-ended");
        }

        Task[] left;
        lock (_sync)
        {
            left = [.. _connections];
        }

        await Task.WhenAll(left).WaitAsync(deadline).ContinueWith(_ => { }, TaskScheduler.Default);
    }

    public void Dispose() => _draining.Dispose();

    async Task AcceptAsync(Socket listener)
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = await listener.AcceptAsync(_draining.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            lock (_sync)
            {
                _connections.RemoveAll(task => task.IsCompleted);
                _connections.Add(ServeAsync(socket));
            }
        }
    }

    async Task ServeAsync(Socket socket)
    {
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        using var reader = new StreamReader(stream);
        await using var writer = new StreamWriter(stream) { AutoFlush = true };
        try
        {
            while (await reader.ReadLineAsync() is { } line)
            {
                await writer.WriteAsync($"{id} {line}\n");
            }
        }
        catch (IOException)
        {
            // The client is gone.
        }
    }
}
