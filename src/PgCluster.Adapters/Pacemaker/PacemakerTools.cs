using System.Globalization;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Pacemaker;

namespace PgCluster.Adapters.Pacemaker;

/// <summary>
/// Pacemaker through the tools that are installed beside it. What is asked goes to the tools as arguments, and no shell reads it. Whoever runs them has to be root or in Pacemaker's group, <c>haclient</c>.
/// </summary>
public sealed partial class PacemakerTools : IPacemaker
{
    /// <summary>Name of the lock file, as the resource agent ocf:heartbeat:pgsql has it.</summary>
    internal const string LockFile = "PGSQL.lock";

    // What crm_resource ends with when it does not know an option: EX_USAGE of sysexits.h.
    private const int Usage = 64;

    private readonly PacemakerConfig _options;
    private readonly TimeProvider _time;
    private readonly string _directory;

    /// <summary>Makes it; nothing is asked yet.</summary>
    /// <param name="options">The budgets.</param>
    /// <param name="time">Their clock.</param>
    /// <param name="directory">Where the tools are; empty to look for them as a shell does.</param>
    public PacemakerTools(PacemakerConfig options, TimeProvider time, string directory = "") => (_options, _time, _directory) = (options, time, directory);

    /// <inheritdoc/>
    public async Task<Cib> ReadAsync(CancellationToken cancellationToken) =>
        Cib.Parse(await QueryAsync("cibadmin", ["--query", "--local"], cancellationToken).ConfigureAwait(false));

    /// <inheritdoc/>
    public async Task<string> GetAddressAsync(string nodeId, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(nodeId);
        var id = nodeId.TrimStart();
        if (id.Length == 0 || !id.All(char.IsAsciiDigit))
        {
            throw new PgClusterException(Reason.InvalidArgument, $"'{nodeId}' is no id of a corosync node: it has to be one number");
        }

        return (await QueryAsync("corosync-cfgtool", ["-a", id], cancellationToken).ConfigureAwait(false)).Trim().Split([' ', '\n'], 2)[0];
    }

    /// <inheritdoc/>
    public Task MoveAsync(string group, string node, TimeSpan lifetime, CancellationToken cancellationToken) => MoveAsync(
        ["--resource", group, "--node", node, "--lifetime", string.Create(CultureInfo.InvariantCulture, $"PT{Math.Ceiling(lifetime.TotalSeconds):0}S")], new Dictionary<string, string?>(), cancellationToken);

    /// <inheritdoc/>
    public Task ClearAsync(string group, CancellationToken cancellationToken) => OrderAsync("crm_resource", ["--clear", "--resource", group], cancellationToken);

    /// <inheritdoc/>
    public Task RefreshAsync(string resource, string node, CancellationToken cancellationToken) =>
        OrderAsync("crm_resource", ["--refresh", "--resource", resource, "--node", node], cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> SimulateMoveAsync(string group, string node, CancellationToken cancellationToken)
    {
        // On a copy: with this variable the tools work on a file in the place of the cluster.
        var copy = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(copy, await QueryAsync("cibadmin", ["--query", "--local"], cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
            await MoveAsync(["--resource", group, "--node", node], new Dictionary<string, string?> { ["CIB_file"] = copy }, cancellationToken).ConfigureAwait(false);
            return TransitionSummary.Read(await QueryAsync("crm_simulate", ["--simulate", "--xml-file", copy], cancellationToken).ConfigureAwait(false));
        }
        finally
        {
            File.Delete(copy);
        }
    }

    /// <inheritdoc/>
    public Task SetMaintenanceAsync(bool on, CancellationToken cancellationToken) =>
        OrderAsync("crm_attribute", ["--type", "crm_config", "--name", "maintenance-mode", .. on ? (string[])["--update", "true"] : ["--delete"]], cancellationToken);

    /// <inheritdoc/>
    public Task SetStandbyAsync(string node, bool on, CancellationToken cancellationToken) =>
        OrderAsync("crm_attribute", ["--node", node, "--name", "standby", .. on ? (string[])["--update", "on"] : ["--delete"]], cancellationToken);

    /// <inheritdoc/>
    public bool HasLockFile(string temporaryDirectory) => File.Exists(Path.Combine(temporaryDirectory, LockFile));

    /// <inheritdoc/>
    public void RemoveLockFile(string temporaryDirectory)
    {
        try
        {
            File.Delete(Path.Combine(temporaryDirectory, LockFile));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PgClusterException(Reason.AccessDenied, $"{LockFile} in {temporaryDirectory} cannot be removed: {e.Message}", e);
        }
    }

    /// <summary>Versions before 2.1 call the promoted role master, and later ones do not know that word any more.</summary>
    private async Task MoveAsync(string[] what, Dictionary<string, string?> environment, CancellationToken cancellationToken)
    {
        var result = await RunAsync("crm_resource", ["--move", "--promoted", .. what], environment, _options.CommandTimeout, cancellationToken).ConfigureAwait(false);
        if (result.ExitCode == Usage)
        {
            result = await RunAsync("crm_resource", ["--move", "--master", .. what], environment, _options.CommandTimeout, cancellationToken).ConfigureAwait(false);
        }

        Check("crm_resource", result);
    }

    private async Task<string> QueryAsync(string tool, IReadOnlyList<string> arguments, CancellationToken cancellationToken) =>
        Check(tool, await RunAsync(tool, arguments, new Dictionary<string, string?>(), _options.QueryTimeout, cancellationToken).ConfigureAwait(false));

    private async Task OrderAsync(string tool, IReadOnlyList<string> arguments, CancellationToken cancellationToken) =>
        Check(tool, await RunAsync(tool, arguments, new Dictionary<string, string?>(), _options.CommandTimeout, cancellationToken).ConfigureAwait(false));

    private async Task<ProgramResult> RunAsync(
        string tool, IReadOnlyList<string> arguments, Dictionary<string, string?> environment, TimeSpan timeout, CancellationToken cancellationToken)
    {
        try
        {
            return await ProgramRunner.RunAsync(new ProgramCommand(Path.Combine(_directory, tool), arguments) { Environment = environment }, timeout, _time, cancellationToken).ConfigureAwait(false);
        }
        catch (PgClusterException e) when (e.Reason == Reason.StepTimeout)
        {
            throw new PgClusterException(Reason.PacemakerUnavailable, e.Message, e);
        }
    }

    private static string Check(string tool, ProgramResult result) => result.ExitCode == 0
        ? result.Output
        : throw new PgClusterException(
            Reason.PacemakerUnavailable,
            string.Create(CultureInfo.InvariantCulture, $"'{tool}' failed with exit code {result.ExitCode}: {(result.Error.Length > 0 ? result.Error : result.Output).Trim().ReplaceLineEndings("; ")}"));
}
