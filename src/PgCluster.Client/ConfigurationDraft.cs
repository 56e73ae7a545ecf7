using System.Globalization;
using System.Text;
using PgCluster.Adapters.Toml;
using PgCluster.Engine.Configuration;

namespace PgCluster.Client;

/// <summary>A configuration to be written: what every cluster has to say for itself. Addresses are name=host:port, name=host or just a host.</summary>
public sealed record ConfigurationDraft
{
    /// <summary>The cluster's name.</summary>
    public required string Name { get; init; }

    /// <summary>The PostgreSQL nodes.</summary>
    public required IReadOnlyList<string> Nodes { get; init; }

    /// <summary>The poolers; null for one beside each node.</summary>
    public IReadOnlyList<string>? Poolers { get; init; }

    /// <summary>Client URLs of etcd; null for the default.</summary>
    public IReadOnlyList<string>? EtcdEndpoints { get; init; }

    /// <summary>Port of the agents' API on each node, and of the keeper on each host that has only a pooler.</summary>
    public required int AgentPort { get; init; }

    /// <summary>Port of the agents' HTTP endpoints on each node.</summary>
    public required int HttpPort { get; init; }

    /// <summary>The effective configuration as commented TOML: these values and <paramref name="options"/>, then the environment, then the defaults.</summary>
    /// <param name="options">Other options, by their path.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidConfiguration"/>, <see cref="Reason.InvalidArgument"/>.</exception>
    public string Compose(IReadOnlyDictionary<string, string> options)
    {
        var nodes = Nodes.Select(n => Place.Parse(n, "a node", 5432)).ToArray();
        var poolers = Poolers?.Select(p => Place.Parse(p, "a pooler", 6432)).ToArray()
            ?? [.. nodes.Select(n => new Place(n.Name, n.Host, 6432))];

        // Written as a file and read back: what is checked is what whoever uses the file will meet.
        var toml = new StringBuilder();
        foreach (var node in nodes)
        {
            toml.Append(CultureInfo.InvariantCulture, $"[[nodes]]\nname = {TomlText.Quote(node.Name)}\nhost = {TomlText.Quote(node.Host)}\nport = {node.Port}\n");
            toml.Append(CultureInfo.InvariantCulture, $"agent = {Address(node.Host, AgentPort)}\nhttp = {Address(node.Host, HttpPort)}\n");
        }

        foreach (var pooler in poolers)
        {
            var beside = Array.Find(nodes, n => n.Host == pooler.Host);
            toml.Append(CultureInfo.InvariantCulture, $"[[poolers]]\nname = {TomlText.Quote(pooler.Name)}\nhost = {TomlText.Quote(pooler.Host)}\nport = {pooler.Port}\n");
            toml.Append(beside is null ? $"keeper = {Address(pooler.Host, AgentPort)}\n" : $"node = {TomlText.Quote(beside.Name)}\n");
        }

        var flags = new Dictionary<string, string>(options, StringComparer.Ordinal) { ["cluster.name"] = Name };
        if (EtcdEndpoints is not null)
        {
            flags["etcd.endpoints"] = string.Join(',', EtcdEndpoints);
        }

        var config = ConfigBinder.Bind(new ConfigSources
        {
            File = TomlReader.ParseUtf8(Encoding.UTF8.GetBytes(toml.ToString()), ""),
            Flags = flags,
            Environment = Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>()
                .ToDictionary(e => (string)e.Key, e => (string?)e.Value ?? "", StringComparer.Ordinal),
        }).Config;
        return ConfigRenderer.Render(config, comments: true);
    }

    private static string Address(string host, int port) => TomlText.Quote(new HostPort(host, port).ToString());

    private sealed record Place(string Name, string Host, int Port)
    {
        public static Place Parse(string text, string what, int port)
        {
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? null : text[..equals];
            var address = text[(equals + 1)..];
            var place = HostPort.IsHost(address) ? new HostPort(address, port) : HostPort.TryParse(address);
            return place is not null && name is not ""
                ? new Place(name ?? place.Host, place.Host, place.Port)
                : throw new PgClusterException(
                    Reason.InvalidArgument, $"'{text}' is not {what}; expected name=host:port, name=host or a host, for example pg01=10.0.0.1:5432.") { Target = text };
        }
    }
}
