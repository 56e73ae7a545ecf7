using System.Net;
using System.Net.Sockets;

namespace PgCluster.Tests.Integration.Fixtures;

/// <summary>Passes TCP connections on to a server, and cuts those it has when told to.</summary>
internal sealed class Relay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly int _target;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _sync = new();
    private readonly List<TcpClient> _open = [];
    private readonly Task _accepting;
    private int _made;

    public Relay(int target)
    {
        _target = target;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>How many connections were made so far.</summary>
    public int Made => Volatile.Read(ref _made);

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Ends every connection of this moment; later ones are passed on.</summary>
    public void Cut()
    {
        lock (_sync)
        {
            _open.ForEach(client => client.Dispose());
            _open.Clear();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        Cut();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            var near = await _listener.AcceptTcpClientAsync(_stop.Token);
            var far = new TcpClient { NoDelay = true };
            await far.ConnectAsync(IPAddress.Loopback, _target, _stop.Token);
            near.NoDelay = true;
            Interlocked.Increment(ref _made);
            lock (_sync)
            {
                _open.AddRange([near, far]);
            }

            _ = CopyAsync(near, far);
            _ = CopyAsync(far, near);
        }
    }

    private static async Task CopyAsync(TcpClient from, TcpClient to)
    {
        try
        {
            await from.GetStream().CopyToAsync(to.GetStream());
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // Cut.
        }
        finally
        {
            to.Dispose();
        }
    }
}
