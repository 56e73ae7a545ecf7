using System.Globalization;
using System.Text;

namespace PgCluster.Adapters.Postgres;

/// <summary>libpq's password file: host:port:database:user:password a line, * for any, a backslash before a colon or a backslash that is meant.</summary>
internal static class PasswordFile
{
    private const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>True when others than its owner may read it: libpq leaves such a file alone.</summary>
    internal static bool IsOpenToOthers(string file) => !OperatingSystem.IsWindows() && (File.GetUnixFileMode(file) & Others) != 0;

    /// <summary>The password of the first line that fits; null when none does.</summary>
    internal static string? Find(IEnumerable<string> lines, string host, int port, string database, string user)
    {
        string[] wanted = [host, port.ToString(CultureInfo.InvariantCulture), database, user];
        foreach (var line in lines.Where(l => !l.StartsWith('#')))
        {
            if (Split(line) is [var one, var two, var three, var four, var password]
                && new[] { one, two, three, four }.Zip(wanted).All(pair => pair.First == "*" || pair.First == pair.Second))
            {
                return password;
            }
        }

        return null;
    }

    /// <summary>Five fields; what stands behind the fourth colon is the password to the end of the line.</summary>
    private static List<string> Split(string line)
    {
        var fields = new List<string>();
        var field = new StringBuilder();
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] == '\\' && i + 1 < line.Length)
            {
                field.Append(line[++i]);
            }
            else if (line[i] == ':' && fields.Count < 4)
            {
                fields.Add(field.ToString());
                field.Clear();
            }
            else
            {
                field.Append(line[i]);
            }
        }

        fields.Add(field.ToString());
        return fields;
    }
}
