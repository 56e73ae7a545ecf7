using System.Globalization;

namespace PgCluster.Adapters.Process;

/// <summary>A user of this machine that programs can be run as.</summary>
/// <param name="Name">Login name; empty when /etc/passwd does not have it.</param>
/// <param name="UserId">User id.</param>
/// <param name="GroupId">Primary group id.</param>
public sealed record OsAccount(string Name, uint UserId, uint GroupId)
{
    /// <summary>True when this process may act as anybody.</summary>
    public static bool IsRoot => OperatingSystem.IsLinux() && Posix.EffectiveUserId() == 0;

    /// <summary>Looks a local user up by name; null when there is none.</summary>
    public static OsAccount? Find(string name) => ReadAll().FirstOrDefault(account => account.Name == name);

    /// <summary>
    /// Who has to own what is written below <paramref name="path"/> and run what is started there: its owner when this process is root, null when it
    /// is not and so can only be itself.
    /// </summary>
    public static OsAccount? ToActAs(string path)
    {
        if (!IsRoot)
        {
            return null;
        }

        var (userId, groupId) = Posix.GetOwner(path);
        return userId == 0 ? null : ReadAll().FirstOrDefault(account => account.UserId == userId) ?? new OsAccount("", userId, groupId);
    }

    /// <summary>User id of a path's owner.</summary>
    public static uint OwnerOf(string path) => Posix.GetOwner(path).UserId;

    /// <summary>User id this process acts with.</summary>
    public static uint CurrentUserId => Posix.EffectiveUserId();

    /// <summary>Makes this user the owner of a file or directory.</summary>
    public void Own(string path) => Posix.SetOwner(path, UserId, GroupId);

    /// <summary>The same command, run as this user. PostgreSQL and PgBouncer refuse to run as root.</summary>
    public (string FileName, IReadOnlyList<string> Arguments) Wrap(string fileName, IReadOnlyList<string> arguments) =>
        ("setpriv",
        [
            string.Create(CultureInfo.InvariantCulture, $"--reuid={UserId}"),
            string.Create(CultureInfo.InvariantCulture, $"--regid={GroupId}"),
            Name.Length == 0 ? "--clear-groups" : "--init-groups",
            "--",
            fileName,
            .. arguments,
        ]);

    private static IEnumerable<OsAccount> ReadAll()
    {
        foreach (var line in File.ReadLines("/etc/passwd"))
        {
            var fields = line.Split(':');
            if (fields.Length >= 4
                && uint.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out var userId)
                && uint.TryParse(fields[3], NumberStyles.None, CultureInfo.InvariantCulture, out var groupId))
            {
                yield return new OsAccount(fields[0], userId, groupId);
            }
        }
    }
}
