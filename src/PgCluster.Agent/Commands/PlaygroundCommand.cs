using System.CommandLine;
using PgCluster.Playground;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster playground up|down|list</c>.</summary>
internal static class PlaygroundCommand
{
    public static Command Create()
    {
        var name = new Option<string>("--name") { Description = "The playground's name.", DefaultValueFactory = _ => new PlaygroundOptions().Name };
        var manager = new Option<ClusterManager>("--manager")
        {
            Description = "What holds the cluster together: native, or pacemaker, which has hosts of its own, made of namespaces (as root).",
            DefaultValueFactory = _ => ClusterManager.Native,
        };
        var nodes = new Option<int>("--nodes") { Description = "PostgreSQL servers.", DefaultValueFactory = _ => new PlaygroundOptions().Nodes };
        var members = new Option<int?>("--etcd-members") { Description = "Members of etcd: 1, 3 or 5; 1 when not given, with pacemaker 3." };
        var settings = new Option<string[]>("--set") { Description = "An option of its configuration, for example leader.ttl=3s; may be given several times." };
        var up = new Command("up", "Makes a whole cluster on this machine; it outlives this command.") { name, manager, nodes, members, settings };
        up.SetAction((parsed, cancellationToken) => LinuxOnly.RunAsync("playground", async () =>
        {
            var options = new PlaygroundOptions
            {
                Name = parsed.GetRequiredValue(name),
                Manager = parsed.GetValue(manager),
                Nodes = parsed.GetValue(nodes),
                EtcdMembers = parsed.GetValue(members),
                Settings = (parsed.GetValue(settings) ?? []).Select(s => s.Split('=', 2)).ToDictionary(
                    s => s[0], s => s.Length > 1 ? s[1] : throw new PgClusterException(Reason.InvalidArgument, $"--set {s[0]} has no value; expected option=value"),
                    StringComparer.Ordinal),
            };
            Show([await new PlaygroundManager().CreateAsync(options, Progress, cancellationToken)], parsed.GetValue(ConfigurationOptions.Json), single: true);
            return ExitCodes.Done;
        }));

        var down = new Command("down", "Stops everything of a playground and removes it.") { name };
        down.SetAction((parsed, cancellationToken) => LinuxOnly.RunAsync("playground", async () =>
        {
            await new PlaygroundManager().RemoveAsync(parsed.GetRequiredValue(name), Progress, cancellationToken);
            return ExitCodes.Done;
        }));

        var list = new Command("list", "Shows the playgrounds of this machine.");
        list.SetAction((parsed, cancellationToken) => LinuxOnly.RunAsync("playground", async () =>
        {
            Show(await new PlaygroundManager().ListAsync(cancellationToken), parsed.GetValue(ConfigurationOptions.Json), single: false);
            return ExitCodes.Done;
        }));
        return new Command("playground", "A whole cluster on this machine, for demos and tests.") { up, down, list };
    }

    private static IProgress<string> Progress { get; } = new StandardError();

    private static void Show(IReadOnlyList<PlaygroundInfo> playgrounds, bool json, bool single)
    {
        if (json)
        {
            Output.Json(single ? playgrounds[0] : (object)playgrounds);
            return;
        }

        foreach (var playground in playgrounds)
        {
            Output.Table(["What", "Detail"],
            [
                ["playground", $"{playground.Name}{(playground.Running ? "" : " (not all of it runs)")} in {playground.Path}"],
                ["config", playground.ConfigFile],
                ["clients", playground.ClientUri],
                ["etcd", string.Join(" ", playground.EtcdEndpoints)],
                .. playground.Servers.Select(s => (string[])[s.Name, $"{s.Uri} pid {s.Pid} agent {s.Agent} {s.Http} {s.DataDirectory}"]),
                .. playground.Poolers.Select(p => (string[])["pooler " + p.Name, $"{p.Uri} pid {p.Pid}"]),
            ]);
        }
    }

    /// <summary>Writes at once and in order, which <see cref="Progress{T}"/> does not promise.</summary>
    private sealed class StandardError : IProgress<string>
    {
        public void Report(string value) => Console.Error.WriteLine(value);
    }
}
