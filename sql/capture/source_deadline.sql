BEGIN
  RETURN $deadline;
END
