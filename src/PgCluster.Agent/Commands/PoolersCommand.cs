using System.CommandLine;
using System.Globalization;
using PgCluster.Client;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster poolers [pause|resume|restart NAME]</c>.</summary>
internal static class PoolersCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("name") { Description = "The pooler." };
        var pause = new Command("pause", "Pauses a pooler: its clients wait, at most failover.pause_expiry.") { name };
        pause.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var lease = await cluster.SuspendPoolerAsync(
                await FindAsync(cluster, parsed.GetRequiredValue(name), cancellationToken), Caller.Name, null, null, cancellationToken);
            if (parsed.GetValue(ConfigurationOptions.Json))
            {
                Output.Json(lease);
            }
            else
            {
                Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{lease.Pooler} is paused until {lease.ExpiresAt:O} (lease {lease.Id})"));
            }

            return ExitCodes.Done;
        });

        var resume = new Command("resume", "Resumes a pooler, whoever paused it.") { name };
        resume.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            await cluster.ResumePoolerAsync(await FindAsync(cluster, parsed.GetRequiredValue(name), cancellationToken), null, cancellationToken);
            return ExitCodes.Done;
        });

        var force = new Option<bool>("--force") { Description = "Also where clients cannot be handed over, those under TLS, and are dropped." };
        var restart = new Command("restart", "Restarts a pooler under its clients: a new process takes their connections over.") { name, force };
        restart.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var done = await cluster.RestartPoolerAsync(
                await FindAsync(cluster, parsed.GetRequiredValue(name), cancellationToken), parsed.GetValue(force), cancellationToken);
            if (parsed.GetValue(ConfigurationOptions.Json))
            {
                Output.Json(done);
            }
            else
            {
                Console.Out.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{done.Pooler}: process {done.OldPid} ({done.OldVersion}) is process {done.NewPid} ({done.NewVersion}) now, with {done.ClientsKept} of {done.Clients} clients and {done.ServersKept} of {done.Servers} servers, after {done.ElapsedMs:0} ms"));
                foreach (var change in done.Changes)
                {
                    Console.Out.WriteLine(change);
                }
            }

            return ExitCodes.Done;
        });

        var command = new Command("poolers", "Shows every pooler with its state and where it leads.") { pause, resume, restart };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var poolers = await cluster.GetPoolersAsync(cancellationToken);
            if (parsed.GetValue(ConfigurationOptions.Json))
            {
                Output.Json(poolers);
            }
            else
            {
                Output.Table(
                    ["Name", "State", "PointsTo", "PoolMode", "Clients", "Waiting"],
                    poolers.Select(p => (string[])
                    [
                        p.Name, p.State.ToString(), p.PointsTo ?? "", p.PoolMode ?? "", p.Clients.ToString(CultureInfo.InvariantCulture),
                        p.ClientsWaiting.ToString(CultureInfo.InvariantCulture),
                    ]));
            }

            return ExitCodes.Done;
        });
        return command;
    }

    private static async Task<PoolerInfo> FindAsync(ClusterConnection cluster, string name, CancellationToken cancellationToken)
    {
        var poolers = await cluster.GetPoolersAsync(cancellationToken);
        return poolers.FirstOrDefault(p => p.Name == name) ?? throw new PgClusterException(
            Reason.PoolerNotFound, $"no pooler is named {name}; there are {string.Join(", ", poolers.Select(p => p.Name))}") { Target = name };
    }
}
