using System.CommandLine;
using PgCluster.Engine.Configuration;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster node wait</c>: exit code 0 when the nodes are ready, 1 when they were not in time.</summary>
internal static class NodeWaitCommand
{
    public static Command Create()
    {
        var names = new Argument<string[]>("name") { Description = "The nodes; all when none is named.", Arity = ArgumentArity.ZeroOrMore };
        var condition = new Option<NodeCondition>("--for") { Description = "Ready: in its role, in service and healthy; InRole: its agent answers and its PostgreSQL runs in its role." };
        var timeout = new Option<string>("--timeout") { Description = "How long to wait.", DefaultValueFactory = _ => "5m" };
        var command = new Command("wait", "Waits until nodes are ready.") { names, condition, timeout };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var text = parsed.GetRequiredValue(timeout);
            var longest = DurationText.TryParse(text) ?? throw new PgClusterException(Reason.InvalidArgument, $"--timeout is '{text}'; expected a time such as 30s or 5m");
            var nodes = await cluster.WaitForNodesAsync(
                parsed.GetValue(names) is { Length: > 0 } named ? named : null, parsed.GetValue(condition), longest, new Changes().Say, cancellationToken);
            if (parsed.GetValue(ConfigurationOptions.Json))
            {
                Output.Json(nodes);
            }
            else
            {
                NodesCommand.Show(nodes);
            }

            return ExitCodes.Done;
        });
        return command;
    }

    /// <summary>Says on standard error what is missing, once until it is something else.</summary>
    private sealed class Changes
    {
        private string _said = "";

        public void Say(IReadOnlyList<NodeReadiness> nodes)
        {
            var missing = string.Join("; ", nodes.Where(n => !n.IsReady).Select(n => n.ToString()));
            if (missing.Length > 0 && missing != _said)
            {
                Console.Error.WriteLine($"waiting for {missing}");
                _said = missing;
            }
        }
    }
}
