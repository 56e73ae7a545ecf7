using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace PgCluster.Agent.Hosting;

/// <summary>
/// Kestrel's own sockets, which can stop accepting while the connections they have live on. Kestrel does both in one, and closes what it has accepted and
/// not read from: a client of HTTP/1.1 that came in that moment would lose its request.
/// </summary>
internal sealed class DrainingTransport : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private readonly SocketTransportFactory _sockets = new(Options.Create(new SocketTransportOptions()), NullLoggerFactory.Instance);
    private readonly Lock _sync = new();
    private readonly List<Listener> _listeners = [];
    private readonly Dictionary<string, TaskCompletionSource> _silent = new(StringComparer.Ordinal);

    /// <summary>Told of each connection: 1 when it has come, -1 when it has ended.</summary>
    public Action<int> Counted { get; init; } = _ => { };

    public bool CanBind(EndPoint endpoint) => _sockets.CanBind(endpoint);

    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var listener = new Listener(this, await _sockets.BindAsync(endpoint, cancellationToken).ConfigureAwait(false));
        _listeners.Add(listener);
        return listener;
    }

    /// <summary>A request has come over a connection.</summary>
    public void HasAsked(string connectionId)
    {
        lock (_sync)
        {
            if (_silent.Remove(connectionId, out var silent))
            {
                silent.SetResult();
            }
        }
    }

    /// <summary>Stops accepting; when it returns, whoever comes waits in the listener's queue.</summary>
    public async Task StopAcceptingAsync()
    {
        foreach (var listener in _listeners)
        {
            await listener.UnbindAsync(CancellationToken.None).ConfigureAwait(false);
            await listener.Ended.ConfigureAwait(false);
        }
    }

    /// <summary>Waits until every connection that was accepted has brought a request or has ended; at the deadline it stops waiting.</summary>
    public async Task AllHaveAskedAsync(CancellationToken deadline)
    {
        Task[] silent;
        lock (_sync)
        {
            silent = [.. _silent.Values.Select(source => source.Task)];
        }

        await Task.WhenAll(silent).WaitAsync(deadline).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private void Add(ConnectionContext connection)
    {
        lock (_sync)
        {
            _silent.Add(connection.ConnectionId, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        Counted(1);
        connection.ConnectionClosed.Register(() =>
        {
            Counted(-1);
            HasAsked(connection.ConnectionId);
        });
    }

    private sealed class Listener(DrainingTransport transport, IConnectionListener sockets) : IConnectionListener
    {
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public EndPoint EndPoint => sockets.EndPoint;

        /// <summary>Done when nothing is accepted any more.</summary>
        public Task Ended => _ended.Task;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            var connection = await sockets.AcceptAsync(cancellationToken).ConfigureAwait(false);
            if (connection is null)
            {
                _ended.TrySetResult();
                return null;
            }

            transport.Add(connection);
            return connection;
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => sockets.UnbindAsync(cancellationToken);

        public ValueTask DisposeAsync() => sockets.DisposeAsync();
    }
}
