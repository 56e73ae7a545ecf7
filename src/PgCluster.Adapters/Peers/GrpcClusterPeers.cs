using System.Collections.Concurrent;
using System.Net.Sockets;
using PgCluster.Adapters.Grpc;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Topology;

namespace PgCluster.Adapters.Peers;

/// <summary>Reaches agents and keepers over gRPC; one channel an address, kept until it is disposed.</summary>
public sealed class GrpcClusterPeers : IClusterPeers, IDisposable
{
    private readonly ClusterConfig _config;
    private readonly TimeProvider _time;
    private readonly GrpcTlsOptions? _tls;
    private readonly ConcurrentDictionary<string, Lazy<GrpcChannel>> _channels = new(StringComparer.Ordinal);

    /// <summary>Makes the peers of the cluster of <paramref name="config"/>; connects with the first call to each.</summary>
    public GrpcClusterPeers(ClusterConfig config, TimeProvider time)
    {
        _config = config;
        _time = time;
        _tls = config.Tls.Enabled ? new GrpcTlsOptions(config.Tls.CaFile, config.Tls.CertFile, config.Tls.KeyFile) : null;
    }

    /// <inheritdoc/>
    public INodeAgent Node(string name)
    {
        var node = _config.Nodes.FirstOrDefault(n => n.Name == name) ?? throw new PgClusterException(
            Reason.NodeNotFound, $"no node is named {name}; there are {string.Join(", ", _config.Nodes.Select(n => n.Name))}") { Target = name };
        return new GrpcNodeAgent(name, new PeerCalls(Channel(node.Agent.ToString()), $"the agent of {name}", Reason.AgentUnreachable));
    }

    /// <inheritdoc/>
    public IPoolerKeeper Pooler(string name, string keeper) =>
        new GrpcPoolerKeeper(name, new PeerCalls(Channel(keeper), $"the keeper of pooler {name}", Reason.PoolerUnreachable));

    /// <inheritdoc/>
    public async Task<bool> PostgresAnswersAsync(string host, int port, CancellationToken cancellationToken)
    {
        using var budget = new CancellationTokenSource(_config.Postgres.ConnectTimeout, _time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(budget.Token, cancellationToken);
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(host, port, linked.Token).ConfigureAwait(false);

            // An SSLRequest: every PostgreSQL answers it with one byte before any login, also one that is starting up.
            var stream = client.GetStream();
            await stream.WriteAsync(new byte[] { 0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F }, linked.Token).ConfigureAwait(false);
            return await stream.ReadAsync(new byte[1], linked.Token).ConfigureAwait(false) == 1;
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return false;
        }
    }

    /// <summary>Closes every channel.</summary>
    public void Dispose()
    {
        foreach (var channel in _channels.Values.Where(c => c.IsValueCreated))
        {
            channel.Value.Dispose();
        }
    }

    private GrpcChannel Channel(string address) => _channels.GetOrAdd(address, a => new Lazy<GrpcChannel>(() => new GrpcChannel(
        new Uri($"{(_tls is null ? "http" : "https")}://{a}"),
        new GrpcChannelOptions { ConnectTimeout = _config.Failover.HealthCheckTimeout, Tls = _tls, TimeProvider = _time }))).Value;
}
