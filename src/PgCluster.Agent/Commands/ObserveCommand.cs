using System.CommandLine;
using PgCluster.Agent.Hosting;
using PgCluster.Engine.Configuration;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster observe --name NAME</c>.</summary>
internal static class ObserveCommand
{
    public static Command Create()
    {
        var name = new Option<string>("--name") { Description = "Name of this observer: unlike every node and every other observer.", Required = true };
        var http = new Option<string?>("--http") { Description = "host:port to answer /health and /metrics on; nowhere when not given." };
        return DaemonCommand.Create(
            new Command("observe", "Votes on the nodes' health from a host without a PostgreSQL.") { name, http },
            (parsed, rehearses, cancellationToken) => ObserveHost.RunAsync(
                ConfigurationOptions.Load(parsed),
                parsed.GetRequiredValue(name),
                parsed.GetValue(http) is { } address
                    ? HostPort.TryParse(address) ?? throw new PgClusterException(Reason.InvalidArgument, $"--http '{address}' is not host:port")
                    : null,
                rehearses,
                cancellationToken));
    }
}
