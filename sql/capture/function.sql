CREATE OR REPLACE FUNCTION $signature
LANGUAGE plpgsql ${stability}SECURITY DEFINER
$settings
AS $dollars
$body
$dollars;
REVOKE ALL ON FUNCTION $arguments FROM PUBLIC;
COMMENT ON FUNCTION $arguments IS $comment;
