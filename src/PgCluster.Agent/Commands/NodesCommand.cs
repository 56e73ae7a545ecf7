using System.CommandLine;
using System.Globalization;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster nodes [suspend|handover|resume NAME]</c>.</summary>
internal static class NodesCommand
{
    public static Command Create()
    {
        var command = new Command("nodes", "Shows every node with role, state and lag.") { NodeSuspensionCommand.Create(), NodeSuspensionCommand.CreateHandover(), NodeSuspensionCommand.CreateResume() };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var nodes = await cluster.GetNodesAsync(cancellationToken);
            if (parsed.GetValue(ConfigurationOptions.Json))
            {
                Output.Json(nodes);
            }
            else
            {
                Show(nodes);
            }

            return ExitCodes.Done;
        });
        return command;
    }

    internal static void Show(IEnumerable<ClusterNode> nodes) => Output.Table(
        ["Name", "Role", "Sync", "State", "Timeline", "LagBytes", "Address"],
        nodes.Select(n => (string[])
        [
            n.Name, n.Role.ToString(), n.SyncState.ToString(),
            n.State + (n.Suspended is null ? "" : ", suspended") + (n.PendingRestart ? ", restart pending" : ""), n.Timeline.ToString(CultureInfo.InvariantCulture),
            n.LagBytes?.ToString(CultureInfo.InvariantCulture) ?? "", string.Create(CultureInfo.InvariantCulture, $"{n.Host}:{n.Port}"),
        ]));
}
