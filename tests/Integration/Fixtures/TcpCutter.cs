using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace PgCluster.Tests.Integration.Fixtures;

/// <summary>A forwarder in front of a server that can cut its connections, or let them go silent as a dead host does.</summary>
public sealed class TcpCutter : IAsyncDisposable
{
    private readonly Uri _target;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<Socket, byte> _sockets = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;
    private volatile TaskCompletionSource _flowing = Completed();
    private readonly Lock _gate = new();
    private readonly List<(long At, Socket To, byte[] Bytes)> _held = [];
    private volatile bool _refusing;
    private volatile bool _holdingRequests;
    private volatile bool _holdingResponses;
    private long _heldSince;
    private long _responseBytes;

    /// <summary>Forwards to the host and port of <paramref name="target"/>.</summary>
    public TcpCutter(Uri target)
    {
        _target = target;
        _listener.Start();
        Address = new Uri($"{target.Scheme}://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");
        _accepting = AcceptAsync();
    }

    /// <summary>Where to connect instead.</summary>
    public Uri Address { get; }

    /// <summary>Breaks every connection, and every new one, until <see cref="Restore"/>.</summary>
    public void Cut()
    {
        _refusing = true;
        foreach (var socket in _sockets.Keys)
        {
            socket.Dispose();
        }
    }

    /// <summary>Keeps every connection but lets nothing through any more, until <see cref="Restore"/>.</summary>
    public void Silence() => _flowing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>How much the server has sent so far.</summary>
    public long ResponseBytes => Interlocked.Read(ref _responseBytes);

    /// <summary>Keeps what clients send from now on, as a frozen server does; answers still go through.</summary>
    public void HoldRequests()
    {
        _heldSince = Stopwatch.GetTimestamp();
        _holdingRequests = true;
    }

    /// <summary>Throws away what the server sends from now on.</summary>
    public void LoseResponses() => _holdingResponses = true;

    /// <summary>Sends on what was kept within that time of <see cref="HoldRequests"/>; what came later stays here for good.</summary>
    public async Task SendHeldAsync(TimeSpan within)
    {
        List<(long At, Socket To, byte[] Bytes)> held;
        lock (_gate)
        {
            held = [.. _held.Where(chunk => Stopwatch.GetElapsedTime(_heldSince, chunk.At) < within)];
        }

        foreach (var chunk in held)
        {
            await chunk.To.SendAsync(chunk.Bytes);
        }
    }

    /// <summary>Lets everything through again.</summary>
    public void Restore()
    {
        _refusing = false;
        _flowing.TrySetResult();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _flowing.TrySetResult();
        _listener.Dispose();
        Cut();
        await _accepting;
        _stop.Dispose();
    }

    private static TaskCompletionSource Completed()
    {
        var completed = new TaskCompletionSource();
        completed.SetResult();
        return completed;
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            Socket client;
            try
            {
                client = await _listener.AcceptSocketAsync(_stop.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }

            _ = ForwardAsync(client);
        }
    }

    private async Task ForwardAsync(Socket client)
    {
        using var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.NoDelay = true;
        _sockets[client] = 0;
        _sockets[server] = 0;
        try
        {
            if (!_refusing)
            {
                await server.ConnectAsync(_target.Host, _target.Port, _stop.Token);
                await Task.WhenAny(PumpAsync(client, server, isRequest: true), PumpAsync(server, client, isRequest: false));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Closed below.
        }
        finally
        {
            _sockets.TryRemove(client, out _);
            _sockets.TryRemove(server, out _);
            client.Dispose();
        }
    }

    private async Task PumpAsync(Socket from, Socket to, bool isRequest)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            int count;
            while ((count = await from.ReceiveAsync(buffer, _stop.Token)) > 0)
            {
                if (isRequest && _holdingRequests)
                {
                    lock (_gate)
                    {
                        _held.Add((Stopwatch.GetTimestamp(), to, buffer[..count]));
                    }

                    continue;
                }

                if (!isRequest)
                {
                    Interlocked.Add(ref _responseBytes, count);
                    if (_holdingResponses)
                    {
                        continue;
                    }
                }

                await _flowing.Task;
                if (_refusing)
                {
                    return;
                }

                for (var sent = 0; sent < count;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), _stop.Token);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The other direction ends with this one.
        }
    }
}
