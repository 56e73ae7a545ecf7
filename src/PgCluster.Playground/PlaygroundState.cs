using System.Text.Json;
using System.Text.Json.Serialization;

namespace PgCluster.Playground;

/// <summary>What playground.json holds: what was decided when it was made, and every process that was started.</summary>
internal sealed record PlaygroundState
{
    internal const string FileName = "playground.json";

    /// <summary>Marks its processes, in their environment.</summary>
    public required string Id { get; init; }

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>The boot its pids are of.</summary>
    public required string BootId { get; init; }

    /// <summary>User id its processes run under.</summary>
    public required uint UserId { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>True once everything answered.</summary>
    public bool Ready { get; init; }

    /// <summary>What holds the cluster together.</summary>
    [JsonConverter(typeof(JsonStringEnumConverter<ClusterManager>))]
    public ClusterManager Manager { get; init; }

    /// <summary>Every commit waits for one standby.</summary>
    public required bool Synchronous { get; init; }

    /// <summary>The members of etcd.</summary>
    public required IReadOnlyList<EtcdMember> Etcd { get; init; }

    /// <summary>The servers, the first primary first.</summary>
    public required IReadOnlyList<Server> Servers { get; init; }

    /// <summary>The poolers.</summary>
    public required IReadOnlyList<Pooler> Poolers { get; init; }

    /// <summary>What was started, in that order. Servers are not in it: their agents start them.</summary>
    public IReadOnlyList<StartedProcess> Processes { get; init; } = [];

    /// <summary>Every port that is spoken for.</summary>
    [JsonIgnore]
    public IEnumerable<int> Ports =>
    [
        .. Etcd.SelectMany(member => new[] { member.ClientPort, member.PeerPort }),
        .. Servers.SelectMany(server => new[] { server.Port, server.AgentPort, server.HttpPort }),
        .. Poolers.SelectMany(pooler => new[] { pooler.Port, pooler.KeeperPort }),
    ];

    internal static PlaygroundState? TryRead(string directory)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllText(Path.Combine(directory, FileName)), PlaygroundJson.Default.PlaygroundState);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    internal string ToJson() => JsonSerializer.Serialize(this, PlaygroundJson.Default.PlaygroundState) + "\n";

    /// <summary>A member of etcd.</summary>
    internal sealed record EtcdMember(string Name, int ClientPort, int PeerPort)
    {
        /// <summary>Address of the machine it runs on.</summary>
        public string Host { get; init; } = PlaygroundFiles.Host;
    }

    /// <summary>A PostgreSQL server and its agent.</summary>
    internal sealed record Server(string Name, int Port, int AgentPort, int HttpPort)
    {
        /// <inheritdoc cref="EtcdMember.Host"/>
        public string Host { get; init; } = PlaygroundFiles.Host;
    }

    /// <summary>A PgBouncer, its proxy, and where its pauses are kept; <paramref name="Node"/> is empty for the application's.</summary>
    internal sealed record Pooler(string Name, string Node, int Port, int KeeperPort)
    {
        /// <inheritdoc cref="EtcdMember.Host"/>
        public string Host { get; init; } = PlaygroundFiles.Host;
    }

    /// <summary>A process, told apart from a later one with the same number by when it started.</summary>
    internal sealed record StartedProcess(string Name, int Pid, long StartTicks, string LogFile);
}
