using System.Globalization;
using System.Text;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Membership;

namespace PgCluster.Adapters.Postgres;

/// <content>The first server of a new cluster.</content>
public sealed partial class LocalPostgresServer
{
    private static readonly TimeSpan VersionTimeout = TimeSpan.FromSeconds(10);

    private string ReplicationRole => _options.ReplicationUser.Length > 0 ? _options.ReplicationUser : _options.User;

    /// <inheritdoc/>
    public async Task<string> MakeNewAsync(NewServerOrder order, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(order);
        var began = _time.GetTimestamp();
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if ((await SurveyNewAsync(cancellationToken).ConfigureAwait(false)).Obstacle is { } obstacle)
            {
                throw new PgClusterException(Reason.PreflightFailed, $"No server can be made on {_options.NodeName}: {obstacle}") { Target = _options.NodeName };
            }

            var made = New();
            RefuseUnlessRoom(made);
            await made.MakeAsync(order, _options.User, await RolesAsync(cancellationToken).ConfigureAwait(false), Tools(), cancellationToken).ConfigureAwait(false);
            var control = await ControlFile.ReadAsync(made.Made, FindBinDirectory, _time, cancellationToken).ConfigureAwait(false);
            var system = control.SystemIdentifier.ToString(CultureInfo.InvariantCulture);
            PostgresLog.Made(_logger, _options.NodeName, system, ElapsedMs(began));
            return system;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unavailable("could not be made", e);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <inheritdoc/>
    public async Task PlaceNewAsync(string operation, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var made = New();
            if (!made.IsOf(operation))
            {
                throw new PgClusterException(Reason.PlanStale, $"nothing lies ready on {_options.NodeName} that was made for operation {operation}") { Target = _options.NodeName };
            }

            RefuseUnlessRoom(made);
            made.Place();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PgClusterException(Reason.PlanStale, $"the new server of {_options.NodeName} could not be put in place: {e.Message}", e) { Target = _options.NodeName };
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <inheritdoc/>
    public async Task<bool> DiscardNewAsync(string operation, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var made = New();
            if (!made.IsOf(operation))
            {
                return false;
            }

            await Tools().EndLeftoversAsync(cancellationToken).ConfigureAwait(false);
            made.RemoveLeftovers();
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unavailable("has something beside its data directory that could not be removed", e);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Whether a server could be made in an empty data directory, or copied to it.</summary>
    private async Task<NewServerSurvey> SurveyNewAsync(CancellationToken cancellationToken)
    {
        try
        {
            var bin = FindBinDirectory();
            var said = await ProgramRunner.RunCheckedAsync(
                new ProgramCommand(Path.Combine(bin, "initdb"), ["--version"]), Reason.MissingProgram, VersionTimeout, _time, cancellationToken).ConfigureAwait(false);
            return new NewServerSurvey(MajorOf(said), PlaceObstacle() ?? PasswordObstacle());
        }
        catch (PgClusterException e)
        {
            return new NewServerSurvey(0, e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new NewServerSurvey(0, e.Message);
        }
    }

    private string? PlaceObstacle()
    {
        var directory = DataDirectoryProcesses.RealPath(_options.DataDirectory);
        return Path.GetDirectoryName(directory) is not { } parent || !Directory.Exists(parent) ? $"the directory around {directory} is missing"
            : MountPoints.Contains(directory) ? $"{directory} is a mount point, and what is made takes its place by a rename: let the data directory be one below it"
            : OsAccount.IsRoot && Owner is null ? $"{directory}, or the directory around it, belongs to root, and PostgreSQL does not run as root: give it to the server's user"
            : null;
    }

    private string? PasswordObstacle()
    {
        if (_options.PassFile.Length == 0)
        {
            return null;
        }

        if (PasswordFile.IsOpenToOthers(_options.PassFile))
        {
            return $"{_options.PassFile} may be read by others than its owner: PostgreSQL leaves it alone until its mode is 0600";
        }

        var lines = File.ReadAllLines(_options.PassFile);
        return OsAccount.IsRoot && Owner is { } owner && OsAccount.OwnerOf(_options.PassFile) != owner.UserId ? $"{_options.PassFile} does not belong to the server's user, which has to read it"
            : PasswordOf(lines, _options.User) is not { Length: > 0 } ? $"{_options.PassFile} has no password for {_options.User} at {_options.Host}:{Text(_options.Port)}"
            : PasswordOf(lines, ReplicationRole) is not { Length: > 0 } ? $"{_options.PassFile} has no password for {ReplicationRole} at {_options.Host}:{Text(_options.Port)}, database replication"
            : null;
    }

    /// <summary>What gives the roles of the cluster their passwords, a statement a line.</summary>
    private async Task<string> RolesAsync(CancellationToken cancellationToken)
    {
        var lines = _options.PassFile.Length > 0 ? await File.ReadAllLinesAsync(_options.PassFile, cancellationToken).ConfigureAwait(false) : null;
        var statements = new StringBuilder();
        if (lines is not null)
        {
            statements.Append(CultureInfo.InvariantCulture, $"ALTER ROLE {Identifier(_options.User)}{Password(_options.User)}\n");
        }

        if (ReplicationRole != _options.User)
        {
            statements.Append(CultureInfo.InvariantCulture, $"CREATE ROLE {Identifier(ReplicationRole)} LOGIN REPLICATION{Password(ReplicationRole)}\n");
        }

        if (_options.Database != "postgres")
        {
            statements.Append(CultureInfo.InvariantCulture, $"CREATE DATABASE {Identifier(_options.Database)}\n");
        }

        return statements.ToString();

        string Password(string role) => lines is null ? "" : $" PASSWORD '{ScramVerifier.Of(PasswordOf(lines, role)!)}'";

        static string Identifier(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }

    /// <summary>As libpq and the agent look it up: a standby asks for the database "replication".</summary>
    private string? PasswordOf(IEnumerable<string> lines, string role) =>
        PasswordFile.Find(lines, _options.Host, _options.Port, role == _options.User ? _options.Database : "replication", role);

    private NewCluster New() => new(_options.DataDirectory, Owner);

    private void RefuseUnlessRoom(NewCluster made)
    {
        if (!made.HasRoom)
        {
            throw new PgClusterException(Reason.PlanStale, $"the data directory {_options.DataDirectory} of {_options.NodeName} is not empty") { Target = _options.NodeName };
        }
    }

    /// <summary>"initdb (PostgreSQL) 15.14 (Debian …)" and the like.</summary>
    private static int MajorOf(string said) =>
        int.TryParse(said.Split(' ').SkipWhile(w => w != "(PostgreSQL)").Skip(1).FirstOrDefault()?.Split('.')[0].TrimEnd(), NumberStyles.None, CultureInfo.InvariantCulture, out var major) ? major : 0;

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
