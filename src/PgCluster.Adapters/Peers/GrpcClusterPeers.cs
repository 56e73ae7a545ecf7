using System.Collections.Concurrent;
using System.Net.Sockets;
using PgCluster.Adapters.Grpc;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Daemons;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Pacemaker;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Topology;

namespace PgCluster.Adapters.Peers;

/// <summary>Reaches agents and keepers over gRPC; one peer an address, kept until it is disposed.</summary>
public sealed class GrpcClusterPeers : IClusterPeers, IDisposable
{
    private readonly ClusterConfig _config;
    private readonly TimeProvider _time;
    private readonly GrpcTlsOptions? _tls;
    private readonly ConcurrentDictionary<string, Lazy<Peer>> _peers = new(StringComparer.Ordinal);

    /// <summary>Makes the peers of the cluster of <paramref name="config"/>; connects with the first call to each.</summary>
    public GrpcClusterPeers(ClusterConfig config, TimeProvider time)
    {
        _config = config;
        _time = time;
        _tls = config.Tls.Enabled ? new GrpcTlsOptions(config.Tls.CaFile, config.Tls.CertFile, config.Tls.KeyFile) : null;
    }

    /// <inheritdoc/>
    public INodeAgent Node(string name) => new GrpcNodeAgent(name, Agent(name));

    /// <inheritdoc/>
    public IPacemakerAgent Pacemaker(string name) => new GrpcPacemakerAgent(Agent(name));

    /// <inheritdoc/>
    public IPoolerKeeper Pooler(string name, string keeper)
    {
        var calls = new PeerCalls(At(keeper), $"the keeper of pooler {name}", Reason.PoolerUnreachable);

        // What that agent does not tell of its pooler is in the configuration.
        return new GrpcPoolerKeeper(name, calls, _config.Poolers.FirstOrDefault(p => p.Name == name) is { } known ? new PgcmPoolerKeeper(_config.Name, known, calls, _time) : null);
    }

    /// <inheritdoc/>
    public IDaemonKeeper Daemons(string keeper)
    {
        var who = _config.Nodes.FirstOrDefault(n => n.Agent.ToString() == keeper) is { } node
            ? $"the agent of {node.Name}"
            : $"the proxy of {_config.Poolers.FirstOrDefault(p => p.Keeper.ToString() == keeper)?.Name ?? "no pooler of the configuration"}";
        return new GrpcDaemonKeeper(new PeerCalls(At(keeper), who, Reason.AgentUnreachable));
    }

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

    /// <summary>Closes every connection.</summary>
    public void Dispose()
    {
        foreach (var peer in _peers.Values.Where(p => p.IsValueCreated))
        {
            peer.Value.Dispose();
        }
    }

    private PeerCalls Agent(string name)
    {
        var node = _config.Nodes.FirstOrDefault(n => n.Name == name) ?? throw new PgClusterException(
            Reason.NodeNotFound, $"no node is named {name}; there are {string.Join(", ", _config.Nodes.Select(n => n.Name))}") { Target = name };
        return new PeerCalls(At(node.Agent.ToString()), $"the agent of {name}", Reason.AgentUnreachable);
    }

    private Peer At(string address) => _peers.GetOrAdd(address, a => new Lazy<Peer>(() => new Peer(
        a,
        _config.Manager == ClusterManager.Pacemaker ? _config.Nodes.FirstOrDefault(n => n.Agent.ToString() == a)?.Pgcm : null,
        new GrpcChannelOptions { ConnectTimeout = _config.Failover.HealthCheckTimeout, Tls = _tls, TimeProvider = _time }))).Value;
}
