using System.Globalization;

namespace PgCluster.Adapters.Switchover;

/// <summary>A line of what pg_restore --list writes.</summary>
/// <param name="Line">The whole line.</param>
/// <param name="Catalog">Oid of the catalog its object is in; 0 when it makes none.</param>
/// <param name="Oid">Oid of the object in the database the archive was made from.</param>
/// <param name="Text">Kind, schema, name and owner.</param>
internal sealed record SchemaEntry(string Line, int Catalog, uint Oid, string Text)
{
    /// <summary>Reads "3214; 2606 16400 CONSTRAINT public t t_pkey owner"; null for a comment or an empty line.</summary>
    internal static SchemaEntry? TryParse(string line)
    {
        var parts = line.Split(' ', 4);
        return parts.Length == 4 && parts[0].EndsWith(';') && parts[0].Length > 1
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var catalog)
            && uint.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var oid)
            ? new SchemaEntry(line, catalog, oid, parts[3])
            : null;
    }
}
