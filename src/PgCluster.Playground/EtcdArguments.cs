namespace PgCluster.Playground;

/// <summary>What a member of etcd is started with.</summary>
internal static class EtcdArguments
{
    /// <param name="members">All members.</param>
    /// <param name="member">The one to start.</param>
    /// <param name="dataDirectory">Its data directory.</param>
    /// <param name="token">Tells this cluster from every other.</param>
    internal static IReadOnlyList<string> Of(IReadOnlyList<PlaygroundState.EtcdMember> members, PlaygroundState.EtcdMember member, string dataDirectory, string token)
    {
        return
        [
            "--name", member.Name,
            "--data-dir", dataDirectory,
            "--listen-client-urls", PlaygroundFiles.EtcdEndpoint(member),
            "--advertise-client-urls", PlaygroundFiles.EtcdEndpoint(member),
            "--listen-peer-urls", Peer(member),
            "--initial-advertise-peer-urls", Peer(member),
            "--initial-cluster", string.Join(',', members.Select(other => $"{other.Name}={Peer(other)}")),
            "--initial-cluster-token", token,
            "--initial-cluster-state", "new",
            "--logger", "zap",
            "--log-level", "warn",
        ];

        static string Peer(PlaygroundState.EtcdMember of) => "http://" + PlaygroundFiles.Address(of.Host, of.PeerPort);
    }
}
